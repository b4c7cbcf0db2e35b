// Queues work for one connection from any thread and does it in the order of the calls. Posting each piece of
// work to the event loop would not keep that order: work posted by the loop's own thread would run after work
// that other threads post later. Owned by a Connection; private to host/listener.
//
//   if (mailbox->put(work)) deliver_on(io, mailbox);
#pragma once

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace agenthost::host::listener {

class Mailbox {
public:
    using Work = std::function<void()>;

    // Any thread. True: the caller makes the loop call deliver().
    [[nodiscard]] bool put(Work);
    // On the loop's thread: does the work that has arrived. True: more arrived in the meantime, so the loop
    // has to call this again. If a piece of work throws, the exception passes through, the work behind it is
    // kept, and the loop has to call this again, too.
    [[nodiscard]] bool deliver();
    // True if no work waits to be started: then the loop's thread may do something now without overtaking
    // work.
    [[nodiscard]] bool empty() const { return waiting_ == 0; }
    // Drops all work: the loop ended without calling deliver().
    void clear();

private:
    std::mutex mutex_;
    // A list: empty, it holds no memory.
    std::list<Work> work_;
    std::atomic<std::size_t> waiting_{0};
    // deliver() will be called.
    bool called_for_ = false;
};

// Posts deliver() until the mailbox is empty. Holds the mailbox until then; if the loop ends first, the work
// is dropped.
void deliver_on(boost::asio::io_context&, std::shared_ptr<Mailbox>);

} // namespace agenthost::host::listener
