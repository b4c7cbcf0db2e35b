// Makes every call into a plugin: create() to destroy(), each behind a guard that lets no exception through.
// Threads: stated with each function, in the ABI's words. The callers decide the order of the calls
// (life.hpp, instance.hpp).
//
// More than 25 members: each function of agh_plugin_api is one.
#pragma once

#include "manifest.hpp"

#include <agenthost/abi.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace agenthost::host {

class EntryPoints {
public:
    struct Options {
        std::shared_ptr<const Manifest> manifest;
        std::string library;
        bool isolated = false;
        // For an isolated plugin: the runner program, and the time of a round trip, after which it is killed.
        std::string runner;
        std::chrono::milliseconds runner_timeout{0};
        std::function<void(std::string why)> on_death; // [any]: the runner died
        std::function<void(const std::string& why)>
            on_misbehaviour; // [any]: it broke the ABI; throws nothing
    };
    explicit EntryPoints(Options);

    // [ctl], each returns the problem. create() reads nothing but `config_json`.
    std::string create(agh_host*, const std::string& config_json);
    std::string start();
    std::string configure(const std::string& config_json);
    void drain();
    std::string destroy(); // also when create() failed
    std::string check_health();

    // [run]. invoke() returns what the plugin returned.
    agh_status invoke(const agh_request&, agh_error&) noexcept;
    void on_task(agh_task, std::uint64_t cookie, std::uint32_t events) noexcept;
    void on_result(const std::function<void()>&) noexcept;

    // Main thread.
    void cancel(agh_req) noexcept;
    void writable(agh_req) noexcept;
    void kill_runner(); // isolated only; on_death follows
    [[nodiscard]] int runner_pid() const;

    // Any thread.
    [[nodiscard]] bool configurable() const { return api_ && AGH_HAS(api_, configure); }
    [[nodiscard]] bool drains() const { return api_ && AGH_HAS(api_, drain); }
    // The last check_health() reported that it works in part.
    [[nodiscard]] bool degraded() const { return degraded_; }
    // The runner hung in configure() or its health check. Call it after they have returned.
    [[nodiscard]] bool stuck() const { return stuck_; }
    // The runner died in create() or start(). Call it after they have returned.
    [[nodiscard]] bool crashed() const { return crashed_; }

private:
    template <class F> agh_status guarded(const char* what, agh_error* error, F&&) noexcept;
    agh_status threw(const char* what, const char* how, agh_error*) noexcept;
    agh_status create_in_runner(agh_host*, const std::string& config_json, agh_error&);
    [[nodiscard]] std::string keep(const agh_plugin_api*, agh_plugin*);
    [[nodiscard]] std::string refused_by_ownership() const;
    [[nodiscard]] std::string problem_of(const char* call, agh_status, const agh_error&) const;

    Options options_;
    const agh_plugin_api* api_ = nullptr;
    agh_plugin* plugin_ = nullptr;
    // The main thread reads it while [ctl] creates or destroys.
    mutable std::mutex plugin_mutex_;
    bool destroyed_ = false;
    std::atomic<bool> degraded_{false}, stuck_{false}, crashed_{false};
};

} // namespace agenthost::host
