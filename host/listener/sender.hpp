// The common part of the two senders of an answer: their context and owner, waiting for space, and an end
// that is reported once. On the connection's thread; owned by the RequestHandler and by its own pending
// operations. Private to host/listener.
#pragma once

#include "host/listener/connection_context.hpp"

#include <cstddef>
#include <memory>

namespace agenthost::host::listener {

class AnswerOwner {
public:
    // The pool has finished a job. False: the connection ends now.
    virtual bool still_wanted() = 0;
    // The pool has sent a part of the answer.
    virtual void answer_moved() = 0;
    // So many bytes of pieces left the queue.
    virtual void pieces_taken(std::size_t bytes) = 0;
    // One of these two is the last call.
    virtual void answer_sent() = 0;
    virtual void answer_failed() = 0;

protected:
    ~AnswerOwner() = default;
};

class Sender : public std::enable_shared_from_this<Sender> {
public:
    virtual ~Sender() = default;
    // No further call to the owner. Not while the pool is busy.
    void drop() { over_ = true; }

protected:
    Sender(const ConnectionContext& context, AnswerOwner& owner) : context_{context}, owner_{owner} {}

    // Sends as much as possible now.
    virtual void pump() = 0;
    // Calls pump() when the socket accepts bytes again, or once all corked bytes are sent; failed() if that
    // does not happen.
    void wait_for_space();
    void wait_for_flush();
    [[nodiscard]] bool waiting() const { return waiting_; }
    [[nodiscard]] bool over() const { return over_; }
    void sent();
    void failed();

    const ConnectionContext context_;
    AnswerOwner& owner_;

private:
    net::Stream::Done then_pump();

    bool waiting_ = false, over_ = false;
};

} // namespace agenthost::host::listener
