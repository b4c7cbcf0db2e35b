// A unix stream socket that carries frames and descriptors without ever blocking: bytes the socket does not
// accept wait in a queue.
//
// send() may be called from any thread. next() and flush() belong to one thread, which polls fd() for POLLIN,
// and for POLLOUT when wants_write(), and wake_fd() (a send() that had to queue).
//
// More than 25 members: both directions share one socket.
#pragma once

#include "message.hpp"

#include "base/fd.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host::runner {

struct Frame {
    Header header;
    std::string_view body; // until the next next()
    std::vector<base::Fd> fds;
    [[nodiscard]] std::vector<int> raw_fds() const;
    void release_fds(); // their new owner closes them
};

class Channel {
public:
    // Bytes that may wait for a peer that does not read before `bounded` messages are rejected; at four times
    // that the channel is closed.
    static constexpr std::size_t queue_bytes = 4u << 20;

    explicit Channel(base::Fd socket);

    enum class Sent { ok, full, closed, too_large };
    enum class Kind { bounded, always };
    // Copies what it queues; `fds` are borrowed (duplicated when they must wait).
    Sent send(Kind, Type, std::uint64_t id, std::string_view body, std::span<const int> fds = {});

    enum class Got { frame, nothing, closed, garbage };
    Got next(Frame&);
    bool flush(); // false: closed
    [[nodiscard]] bool wants_write() const;
    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] int wake_fd() const { return wake_.get(); }
    void wake();
    void drain_wake();
    void shut_down();                                      // both ends see end of file; queued bytes are lost
    [[nodiscard]] const char* why() const { return why_; } // after garbage

private:
    struct Waiting {
        std::string bytes;
        std::size_t sent = 0;
        std::vector<base::Fd> fds;
    };
    // How many bytes the socket took; -1: none now; -2: closed.
    std::int64_t write_some(std::string_view head, std::string_view body, std::span<const int> fds);
    bool flush_locked();
    Got garbage(const char* why);
    bool receive(); // false: nothing now or closed (closed_ says which)

    base::Fd socket_, wake_;
    mutable std::mutex mutex_; // the sending half
    std::deque<Waiting> queue_;
    std::size_t queued_ = 0;
    std::atomic<bool> gone_{false};

    std::vector<char> in_; // the receiving half: bytes [begin_, end_) are not yet consumed
    std::size_t begin_ = 0, end_ = 0;
    std::deque<base::Fd> in_fds_;
    bool closed_ = false, truncated_ = false;
    const char* why_ = "";
};

} // namespace agenthost::host::runner
