// get_file with uploadUrl and write_file with downloadUrl: complete files of any size by URL, on threads of
// their own, so that a slow peer does not delay other file actions.
//
// At most `transfers.max` run and `transfers.queue` wait, shared fairly among the panels that asked
// (base/turns.hpp). A transfer ends by its request's cancel or deadline within milliseconds, also while it
// waits. Any thread.
#pragma once

#include "server_roots.hpp"

#include "base/pool.hpp"
#include "plugins/docker/transfer/mover.hpp"

#include <agenthost/context.hpp>
#include <agenthost/request.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::docker::service {

class TransferActions {
public:
    // All outlive it.
    TransferActions(const Context&, ServerRoots&, const transfer::Settings&);
    ~TransferActions();
    TransferActions(const TransferActions&) = delete;
    TransferActions& operator=(const TransferActions&) = delete;

    // Whether this file action has a URL. Cheap.
    static bool asked(std::string_view verb, std::string_view params);
    // Answers the request, sooner or later. Throws Error for parameters that cannot be used.
    void run(const std::shared_ptr<Request>&, const FileScope&, std::string_view verb);
    // Running ones and waiting ones are answered INTERRUPTED.
    void stop();

private:
    struct Job;
    void work(const Job&, base::Cancel&);
    // Null: no server asked. Throws if they cannot be read.
    std::shared_ptr<const netclient::Network> network_of(const Job&);
    std::string move(const Job&, std::shared_ptr<const netclient::Network>, base::Cancel&);
    void fail(Request&, const Error&, std::uint32_t flags = 0);

    const Context& context_;
    ServerRoots& roots_;
    transfer::Mover mover_;
    std::atomic<bool> stopping_ = false;
    base::Pool pool_; // the last member: joined first
};

} // namespace agenthost::docker::service
