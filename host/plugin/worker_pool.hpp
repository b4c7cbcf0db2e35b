// The threads for a plugin's [run] calls if its manifest says "worker": a bounded queue of requests,
// and tasks (timers, posts, results of nested calls), which are bounded by their sources.
//
// Waiting requests can be withdrawn (cancelled, draining). A thread that does not return from the
// plugin is detached, and join() reports it. Nothing here depends on plugins.
#pragma once

#include "owned.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace agenthost::host {

class WorkerPool {
public:
    using Serve = std::function<void(const agh_request&)>; // must not throw
    using Returned = std::function<void(agh_req)>;         // on the worker: an overdue request has returned

    WorkerPool(std::uint32_t threads, std::uint32_t queue, Serve, Returned = {});
    ~WorkerPool(); // detaches threads that were not joined

    void start(); // runs what was queued before. Throws if the machine is out of threads; may be called again
    bool push(const agh_request&);    // copies; false: full or ending. May throw as Owned does.
    void task(std::function<void()>); // [any]; dropped when ending; must not throw
    bool take_back(agh_req);          // true: it waited, and will not run
    std::vector<agh_req> take_back_all();
    // Returns whether a thread runs this request. It then counts as held until it returns, and Returned is
    // called.
    bool hold(agh_req);
    [[nodiscard]] std::uint32_t held() const;
    [[nodiscard]] std::uint32_t size() const { return threads_; }
    void end(); // waiting tasks still run, requests do not; then the threads end
    bool join(std::chrono::milliseconds timeout); // false: a thread did not end and was detached
    [[nodiscard]] std::size_t queued() const;
    [[nodiscard]] bool started() const;

private:
    struct State;
    std::shared_ptr<State> state_;
    std::uint32_t threads_;
};

} // namespace agenthost::host
