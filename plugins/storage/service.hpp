// Opens the store, owns its parts and reconciles files and index at start-up. The actions are in actions.hpp.
#pragma once

#include "parts.hpp"

#include "mark.hpp"

#include <agenthost/plugin.hpp>

#include <cstddef>
#include <optional>

namespace agenthost::storage {

class Service {
public:
    Service(Context& context, Config config) : context_{context}, config_{std::move(config)} {}
    ~Service();

    void start();                                                       // throws Error
    [[nodiscard]] const Parts& parts() const { return parts_.value(); } // once it has started
    [[nodiscard]] Health health() const;

private:
    // Folders and index; throws.
    void open();
    void open_index();
    // Writes the store's mark and records it in the state directory.
    void sign(const KnownStores&);
    // Reconciles files and index, on a thread of the pool, before any job.
    void reconcile();
    void mark_all(const std::vector<std::string>& ids, FileState);

    Context& context_;
    const Config config_;
    std::optional<Telemetry> telemetry_;
    std::optional<Store> store_;
    std::optional<Index> index_;
    std::optional<Quota> quota_;
    std::optional<netclient::HttpClient> http_;
    // ~Service stops it before any member is destroyed, because its threads use the others.
    std::optional<Pool> pool_;
    std::optional<Status> status_;
    std::optional<Parts> parts_;
    Context::Task ticker_ = 0;
};

} // namespace agenthost::storage
