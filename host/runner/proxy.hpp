// The host's end of an isolated plugin: an agh_plugin_api whose functions send to the runner, and a reader
// thread that passes the runner's messages to the host. Used by runner_client.cpp only.
//
// Owns the runner's process from its start to its end. RoundTrips waits for life-cycle calls, ProxyRequests
// tracks requests and their output, ServiceRelay makes the plugin's calls of host services. More than 25
// members, because each function of agh_plugin_api and each step of the process's life is one.
//
// Threads: the agh_plugin_api functions are called on the threads that abi.h names; everything that calls the
// host runs on the reader thread, with no lock held. The reader also spawns the runner and outlives it,
// because a runner dies with the thread that created it (PR_SET_PDEATHSIG).
#pragma once

#include "channel.hpp"
#include "proxy_requests.hpp"
#include "round_trips.hpp"
#include "runner_client.hpp"
#include "service_relay.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace agenthost::host::runner {

class Proxy {
public:
    Proxy(RunnerSpec, const agh_host_api*, agh_host*);
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    agh_status create(agh_bytes config, agh_error*);
    // Start, configure, health, drain: a round trip.
    agh_status operate(Type, std::string_view body, agh_error*);
    void destroy(bool ask = true); // ask: let the plugin end by itself
    void kill();                   // [any] kills the runner; on_death follows when it has exited
    // Exists once create() has succeeded.
    [[nodiscard]] ProxyRequests& requests() { return *requests_; }
    [[nodiscard]] std::uint32_t offers() const { return offers_; }
    [[nodiscard]] int pid() const { return pid_; }

    agh_plugin_api api{}; // made by runner_client.cpp once offers() is known

private:
    agh_status wait_for(std::uint64_t operation, Type, agh_error*);
    void run(std::string create_body, base::Fd theirs);
    std::string serve(); // why it ended
    void end(const std::string& why);
    bool handle(Frame&, std::string& why);
    bool on_done(Reader&, std::uint64_t id);
    std::string create_body(agh_bytes config, std::int32_t log_level) const;

    const RunnerSpec spec_;
    const agh_host_api* const host_api_;
    agh_host* const host_;
    std::shared_ptr<Channel> channel_;
    std::optional<ProxyRequests> requests_;
    std::shared_ptr<ServiceRelay> services_;
    RoundTrips round_trips_;
    std::atomic<int> pid_{0};
    std::atomic<bool> given_up_{false}; // it was not asked to exit, or did not
    std::atomic<bool> drain_asked_{false}, destroying_{false};
    bool created_ = false; // reader thread
    std::atomic<std::uint32_t> offers_{0};
    std::thread reader_;
};

} // namespace agenthost::host::runner
