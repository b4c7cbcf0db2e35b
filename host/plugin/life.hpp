// One life of a plugin: from create() to the end of destroy(), with its agh_host, threads, loop and calls. A
// restart or a reload without configure() is a new life.
//
// Every call into the plugin is made here, behind a guard that lets no exception through. In which order
// lives go through their stages is instance.hpp's business. Threads: stated with each function, in the ABI's
// words.
#pragma once

#include "calls.hpp"
#include "host_object.hpp"
#include "loop.hpp"
#include "main_thread.hpp"
#include "plugin.hpp"
#include "worker_pool.hpp"

#include <agenthost/abi.h>

#include <atomic>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace agenthost::host {

class Life : public std::enable_shared_from_this<Life> {
public:
    struct Options {
        HostServices* services = nullptr;
        std::shared_ptr<MainThread> main;
        std::shared_ptr<const Manifest> manifest;
        std::string library;
        bool isolated = false;
        std::string runner;                                   // the runner's program, when isolated
        std::chrono::milliseconds runner_timeout{0};          // of one round trip to it; then it is ended
        std::function<void(std::string why)> on_death;        // [any]: the runner died
        std::function<void(std::string why)> on_misbehaviour; // [any]: it broke the ABI and lives on
        std::function<void()> on_drained;                     // [any]
        std::function<void()> on_given_back;                  // [any]: a request that was overdue() has ended
    };
    static std::shared_ptr<Life> make(Options);
    ~Life();

    // [ctl], each returns the problem. create() reads nothing but `config_json`.
    std::string create(const std::string& config_json);
    std::string start();
    std::string configure(const std::string& config_json);
    void drain();
    std::string
    destroy(std::chrono::milliseconds for_workers); // also when create() failed; closes the agh_host
    std::string check_health();
    [[nodiscard]] bool says_degraded() const { return degraded_; } // of the last check_health(); any thread

    // Main thread.
    // Runs what waited for [run]; call it after start(). Returns an error when the workers' threads cannot be created, else nothing.
    std::string open();
    void wait_idle(); // for a plugin without drain(): on_drained once nothing is in flight
    void close_run(); // before destroy(): calls out are answered, the loop ends
    void leave();     // one turn of the main thread after close_run(), right before destroy()
    void give_up();   // it hangs: no call of either side gets through any more; what it holds is left behind
    agh_status invoke(const agh_request&, agh_error&); // here and now
    agh_status queue(const agh_request&, agh_error&);  // by a worker
    void cancel(agh_req);
    void writable(agh_req);
    void refuse_queued(const std::string& why); // BUSY, not started
    void overdue(agh_req);                      // it was told to stop and did not: held until it comes back
    // Requests that are held: by a worker that does not return from invoke(), or open in the plugin without one.
    [[nodiscard]] std::uint32_t held_workers() const { return pool_.held(); }
    [[nodiscard]] bool holds_requests() const;
    [[nodiscard]] bool all_workers_held() const { return by_workers_ && pool_.held() >= pool_.size(); }
    [[nodiscard]] std::uint32_t workers() const { return pool_.size(); }
    void kill_runner(); // isolated only; on_death follows
    // Moves an inline plugin that blocked to the worker pool. Returns false, and changes nothing, when threads cannot be created.
    bool use_workers();
    [[nodiscard]] std::size_t queued() const { return pool_.queued(); }
    [[nodiscard]] bool configurable() const { return api_ && AGH_HAS(api_, configure); }
    // The runner hangs in configure() or its health check; after that returned.
    [[nodiscard]] bool stuck() const { return stuck_; }
    // The runner died in create() or start(); after that returned.
    [[nodiscard]] bool crashed() const { return crashed_; }
    [[nodiscard]] bool drains() const { return api_ && AGH_HAS(api_, drain); }
    [[nodiscard]] int in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
    [[nodiscard]] int runner_pid() const;

    // From the plugin, by host_object.cpp. [any]
    void one_less();
    void completed_late(agh_req); // a complete() for a request that the host has given up
    void drained();
    Loop& loop() { return loop_; }
    Calls& calls() { return calls_; }

private:
    std::atomic<bool> degraded_{false};
    explicit Life(Options);
    template <class F> agh_status guarded(const char* what, agh_error* error, F&&) noexcept;
    agh_status threw(const char* what, const char* how, agh_error*) noexcept;
    std::function<void(std::function<void()>)> deliver();
    void fire(agh_task, std::uint64_t cookie, std::uint32_t events); // [run]
    void run_soon(std::function<void()>);                            // [any]: on [run], once open
    void serve(const agh_request&) noexcept;
    bool forget_overdue(agh_req, bool counted);
    void answer(agh_req, agh_status, std::string_view code, std::string_view message,
                std::uint32_t flags) noexcept;
    void misbehaved(const std::string& what) noexcept;
    std::string problem_of(const char* call, agh_status, const agh_error&) const;

    std::shared_ptr<std::weak_ptr<Life>> self_ = std::make_shared<std::weak_ptr<Life>>();
    Options options_;
    agh_host* host_ = nullptr;
    const agh_plugin_api* api_ = nullptr;
    agh_plugin* plugin_ = nullptr;
    mutable std::mutex plugin_mutex_; // status on the main thread asks while [ctl] creates or destroys
    bool destroyed_ = false;
    std::atomic<int> in_flight_{0}; // asked and not completed
    std::atomic<bool> draining_{false};
    std::atomic<bool> callable_{false}; // tasks and results of calls may enter the plugin
    std::atomic<bool> given_up_{false}, stuck_{false}, crashed_{false};
    bool enterable_ = false; // cancel and writable may; main thread only
    bool inline_ = false;
    std::mutex early_mutex_;
    bool open_ = false;
    std::deque<std::function<void()>> early_; // for [run], before open(); bounded by loop and calls
    std::atomic<bool> by_workers_{true};
    mutable std::mutex overdue_mutex_;
    std::set<agh_req> overdue_; // given up by the host, not completed by the plugin
    // Completed between the moment the host gave a request up and its overdue(), which comes from another thread.
    struct EndedLate {
        agh_req id;
        bool counted; // in_flight_ is already one less
    };
    std::deque<EndedLate> ended_late_;
    WorkerPool pool_;
    Loop loop_;
    Calls calls_;
};

// A foreign exception across a C boundary is undefined by the letter; with unwind tables on both sides (every
// compiler we build with) it arrives here. A plugin that is noexcept and throws ends the process: that is
// what `isolation: process` is for.
template <class F> agh_status Life::guarded(const char* what, agh_error* error, F&& f) noexcept
{
    try {
        return f();
    } catch (const std::exception& e) {
        return threw(what, e.what(), error);
    } catch (...) {
        return threw(what, "an unknown exception", error);
    }
}

} // namespace agenthost::host
