// Sends an answer: inline text through the cork; a descriptor by sendfile() on the pool, or, with TLS, read ahead by the pool and
// encrypted on the I/O thread. And an answer that comes in pieces. On the connection's thread. Private to host/listener.
#pragma once

#include "base/fd.hpp"
#include "host/listener/half.hpp"
#include "host/listener/place.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host::listener {

class AnswerOwner {
public:
    // The pool has let go. False: the connection ends now.
    virtual bool still_wanted() = 0;
    virtual void answer_moved() = 0; // the pool has sent some of it
    // So many bytes of pieces have left the queue.
    virtual void pieces_taken(std::size_t bytes) = 0;
    // Last, one of the two.
    virtual void answer_sent() = 0;
    virtual void answer_failed() = 0;

protected:
    ~AnswerOwner() = default;
};

class AnswerSender : public std::enable_shared_from_this<AnswerSender> {
public:
    struct Answer {
        std::string text; // its head, and what comes inline
        base::Fd fd;
        std::uint64_t offset = 0, size = 0; // of fd
    };

    AnswerSender(const Place& place, Answer answer, AnswerOwner& owner)
        : place_{place}, owner_{owner}, text_{std::move(answer.text)}, fd_{std::move(answer.fd)},
          offset_{answer.offset}, left_{answer.size}
    {}

    void start() { pump(); }
    // Nothing is told any more. Not while busy().
    void drop() { over_ = true; }
    // The pool uses the descriptors.
    [[nodiscard]] bool busy() const { return busy_; }

private:
    void pump();
    bool pump_text();
    void pump_file();
    void pump_file_tls();
    void read_ahead();
    void wait_for_room();
    void sent();
    void failed();

    Place place_;
    AnswerOwner& owner_;
    std::string text_;
    std::size_t text_sent_ = 0;
    base::Fd fd_;
    std::uint64_t offset_, left_;
    Half now_, next_; // TLS only
    std::size_t now_sent_ = 0;
    bool busy_ = false, over_ = false;
};

class PieceSender : public std::enable_shared_from_this<PieceSender> {
public:
    enum class Coding { none, chunked };

    // `length`: of the whole, where it is known. `head_only`: the pieces are counted, not sent.
    PieceSender(const Place& place, Coding coding, std::optional<std::uint64_t> length, bool head_only,
                AnswerOwner& owner)
        : place_{place}, owner_{owner}, coding_{coding}, left_{length}, head_only_{head_only}
    {}

    void begin(std::string head);
    void add(std::string_view piece);
    void end();
    void drop() { over_ = true; }
    [[nodiscard]] bool empty() const { return backlog_.empty(); }

private:
    void pump();
    void sent();
    void failed();

    Place place_;
    AnswerOwner& owner_;
    const Coding coding_;
    std::optional<std::uint64_t> left_;
    std::string backlog_;         // what did not fit the cork
    std::size_t sent_ = 0;        // of it
    std::size_t piece_bytes_ = 0; // of the plugin's data in it
    const bool head_only_;
    bool ending_ = false, waits_ = false, over_ = false;
};

} // namespace agenthost::host::listener
