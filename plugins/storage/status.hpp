// Reports the store's state: facts and gauges, health, the reply to storage.info. Thread-safe.
#pragma once

#include "config.hpp"
#include "index.hpp"
#include "pool.hpp"
#include "store.hpp"
#include "telemetry.hpp"

#include <agenthost/plugin.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace agenthost::storage {

class Status {
public:
    Status(const Config& config, const Store& store, Index& index, const Pool& pool, Telemetry& telemetry)
        : config_{config}, store_{store}, index_{index}, pool_{pool}, telemetry_{telemetry}
    {}

    // Files without a row: those in quarantine, and those for which it has no space.
    void set_orphans(std::uint64_t quarantined, std::uint64_t left);
    // A change of the index failed; health() reports it until the index can be changed again.
    void index_failed(const std::string& why);
    void publish() const; // facts and gauges; a failure is logged
    [[nodiscard]] Health health() const;
    [[nodiscard]] std::string info(std::string_view agent_id) const; // a JSON object

private:
    [[nodiscard]] std::string index_trouble() const;

    const Config& config_;
    const Store& store_;
    Index& index_;
    const Pool& pool_;
    Telemetry& telemetry_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::atomic<std::uint64_t> quarantined_{0}, left_{0};
    mutable std::mutex mutex_;
    mutable std::string index_trouble_; // guarded by mutex_; empty: none
};

} // namespace agenthost::storage
