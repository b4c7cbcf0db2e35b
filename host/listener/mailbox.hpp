// What callers on any thread ask of one connection, in the order in which they asked. Posting each piece of work to the event loop does
// not keep that order: what the loop's own thread posts goes behind what other threads post later. Private to host/listener.
//
//   if (mailbox.put(work)) post_to_loop([&] { while_more_came_meanwhile(mailbox.deliver()); });
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>

namespace agenthost::host::listener {

class Mailbox {
public:
    using Work = std::function<void()>;

    // Any thread. True: the caller has the loop call deliver().
    [[nodiscard]] bool put(Work);
    // On the loop's thread: does what has come. True: more came meanwhile, the caller has the loop call this again.
    [[nodiscard]] bool deliver();
    // Nothing that was put still waits to be begun. On the loop's thread, where what is done now is then behind all that was put.
    [[nodiscard]] bool empty() const { return waiting_ == 0; }
    // The loop has ended without calling deliver().
    void clear();

private:
    std::mutex mutex_;
    std::list<Work> work_; // a list: empty costs nothing
    std::atomic<std::size_t> waiting_{0};
    bool called_for_ = false; // deliver() is due
};

} // namespace agenthost::host::listener
