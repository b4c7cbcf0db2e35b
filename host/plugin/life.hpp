// One life of a plugin: from create() to the end of destroy(), with its agh_host, threads, loop, calls and
// requests. A restart or a reload without configure() is a new life.
//
// EntryPoints makes the calls into the plugin, RunContext chooses their thread, InFlight counts requests;
// instance.hpp decides the order of the stages. More than 25 members, because every call in either direction
// is checked here against the stage of this life. Threads: stated with each function, in the ABI's words.
#pragma once

#include "calls.hpp"
#include "entry_points.hpp"
#include "host_object.hpp"
#include "in_flight.hpp"
#include "loop.hpp"
#include "main_thread.hpp"
#include "overdue_requests.hpp"
#include "plugin.hpp"
#include "run_context.hpp"

#include <agenthost/abi.h>

#include <atomic>
#include <memory>
#include <string>

namespace agenthost::host {

class Life : public std::enable_shared_from_this<Life> {
public:
    struct Options {
        // How the plugin is reached. on_misbehaviour is also called for violations that Life detects. [any]
        EntryPoints::Options plugin;
        HostServices* services = nullptr;
        std::shared_ptr<MainThread> main;
        std::function<void()> on_drained;    // [any]
        std::function<void()> on_given_back; // [any]: a request that was overdue() has ended
    };
    static std::shared_ptr<Life> make(Options);
    ~Life();

    // start(), configure(), drain(), the health check; which functions the plugin has, and the result of the
    // last call.
    [[nodiscard]] EntryPoints& plugin() { return plugin_; }

    // [ctl], each returns the problem. destroy() also when create() failed; it closes the agh_host.
    std::string create(const std::string& config_json) { return plugin_.create(host_, config_json); }
    std::string destroy(std::chrono::milliseconds for_workers);

    // Main thread. Runs what waited for [run]; call it after start(). Returns an error when the workers'
    // threads cannot be created, else nothing.
    std::string open();
    void close_run(); // before destroy(): answers pending calls and ends the loop
    void leave();     // one turn of the main thread after close_run(), right before destroy()
    void give_up();   // it hangs: blocks all calls of both sides and abandons its threads and memory
    agh_status invoke(const agh_request&, agh_error&); // on this thread
    agh_status queue(const agh_request&, agh_error&);  // by a worker
    void cancel(agh_req);
    void writable(agh_req);
    void refuse_queued(const std::string& why); // BUSY, not started
    void overdue(agh_req);                      // it was cancelled and did not end: held until it returns
    // Whether overdue requests are open in the plugin.
    [[nodiscard]] bool holds_requests() const { return overdue_.any(); }
    [[nodiscard]] RunContext& run() { return run_; }
    [[nodiscard]] InFlight& in_flight() { return in_flight_; }

    // From the plugin, by host_object.cpp. [any]
    void completed_late(agh_req); // a complete() for a request that the host has given up
    Loop& loop() { return loop_; }
    Calls& calls() { return calls_; }

private:
    explicit Life(Options);
    EntryPoints::Options plugin_options();
    std::function<void(std::function<void()>)> deliver();
    void fire(agh_task, std::uint64_t cookie, std::uint32_t events); // [run]
    void serve(const agh_request&) noexcept;
    void answer(agh_req, agh_status, std::string_view code, std::string_view message,
                std::uint32_t flags) noexcept;
    void misbehaved(const std::string& what) noexcept;
    [[nodiscard]] const Manifest& manifest() const { return *options_.plugin.manifest; }

    std::shared_ptr<std::weak_ptr<Life>> self_ = std::make_shared<std::weak_ptr<Life>>();
    Options options_;
    agh_host* host_ = nullptr;
    EntryPoints plugin_;
    InFlight in_flight_;
    std::atomic<bool> callable_{false}; // tasks and results of calls may enter the plugin
    std::atomic<bool> given_up_{false};
    bool enterable_ = false; // cancel and writable may; main thread only
    OverdueRequests overdue_;
    RunContext run_;
    Loop loop_;
    Calls calls_;
};

} // namespace agenthost::host
