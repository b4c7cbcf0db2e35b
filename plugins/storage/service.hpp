// The plugin's heart: the parts that all actions share, and the actions themselves.
//
// An action reads its parameters on the host's worker thread and hands the work to the pool; info and list answer at once.
#pragma once

#include "config.hpp"
#include "file_sink.hpp"
#include "index.hpp"
#include "ledger.hpp"
#include "mark.hpp"
#include "params.hpp"
#include "pool.hpp"
#include "store.hpp"
#include "telemetry.hpp"

#include <agenthost/plugin.hpp>
#include "netclient/http_client.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>

namespace agenthost::storage {

class Service {
public:
    Service(Context& context, Config config) : context_{context}, config_{std::move(config)} {}
    ~Service();

    void start(); // throws Error
    void upload(Request);
    void download(Request);
    void remove(Request);
    void verify(Request);
    void info(Request);
    void list(Request);
    [[nodiscard]] Health health();

private:
    friend class Job;
    friend class Upload;
    friend class Download;
    friend class Remove;
    friend class Verify;
    friend class SpaceClaim;

    void open(); // folders, index; throws
    void open_index();
    void sign(const KnownStores&); // the store gets its mark, and the state directory remembers it
    void reconcile();              // on a thread of the pool, before any job
    void publish();                // facts and gauges
    // Hands `work`, which answers by itself, to the pool; or answers BUSY.
    template <typename Work> void submit(Schedule::Job, std::shared_ptr<Work>);
    // Unlinks what is in the index's trash. Failure is logged: the next start tries again.
    void sweep(const std::string& blob);
    void mark(const FileRecord&, FileState);

    Context& context_;
    Config config_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::optional<Telemetry> telemetry_;
    std::optional<Store> store_;
    std::optional<Index> index_;
    std::optional<netclient::HttpClient> http_;
    std::mutex ledger_mutex_;
    std::optional<Ledger> ledger_;
    std::atomic<std::uint64_t> quarantined_{0},
        left_{0}; // orphans in quarantine, and those it has no room for
    Context::Task ticker_ = 0;
    std::optional<Pool> pool_; // goes first: its threads use all of the above
};

} // namespace agenthost::storage
