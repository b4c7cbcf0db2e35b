// The threads a plugin's [run] calls happen on when its manifest says "worker": a bounded queue of requests,
// and tasks (timers, posts, results of nested calls) that their own rooms bound.
//
// Requests that wait can be taken back (cancelled, draining). A thread that does not come back from the
// plugin is left behind, detached: join() says so. Nothing here knows what a plugin is.
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
    using Returned = std::function<void(agh_req)>; // on the worker: a request that was held has come back

    WorkerPool(std::uint32_t threads, std::uint32_t queue, Serve, Returned = {});
    ~WorkerPool(); // detaches what was not joined

    void
    start(); // what was queued before runs now. Throws when the machine is out of threads; may be called again
    bool push(const agh_request&);    // copies; false: full or ending. May throw as Owned does.
    void task(std::function<void()>); // [any]; dropped when ending; must not throw
    bool take_back(agh_req);          // true: it waited, and will not run
    std::vector<agh_req> take_back_all();
    bool hold(
        agh_req); // is a thread inside it? Then it counts as held until it comes back, and Returned is called.
    [[nodiscard]] std::uint32_t held() const;
    [[nodiscard]] std::uint32_t size() const { return threads_; }
    void end();                                // tasks that wait still run, requests do not; then threads end
    bool join(std::chrono::milliseconds most); // false: some thread did not end; it is detached
    [[nodiscard]] std::size_t queued() const;
    [[nodiscard]] bool started() const;

private:
    struct State;
    std::shared_ptr<State> state_;
    std::uint32_t threads_;
};

} // namespace agenthost::host
