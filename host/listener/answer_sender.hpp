// Sends a complete answer: text through the cork; a file by sendfile() on the pool, or, with TLS, read ahead
// by the pool and encrypted on the I/O thread. See Sender for thread and owner. Private to host/listener.
#pragma once

#include "base/fd.hpp"
#include "host/listener/body_buffer.hpp"
#include "host/listener/sender.hpp"

#include <cstdint>
#include <string>

namespace agenthost::host::listener {

class AnswerSender final : public Sender {
public:
    struct Answer {
        // The head, and a body that is not in a file.
        std::string text;
        base::Fd fd;
        // The part of `fd` to send.
        std::uint64_t offset = 0, size = 0;
    };

    AnswerSender(const ConnectionContext& context, Answer answer, AnswerOwner& owner)
        : Sender{context, owner}, text_{std::move(answer.text)}, fd_{std::move(answer.fd)},
          offset_{answer.offset}, left_{answer.size}
    {}

    void start() { pump(); }
    // The pool uses the descriptors.
    [[nodiscard]] bool busy() const { return busy_; }

private:
    void pump() override;
    bool pump_text();
    void pump_file();
    void pump_file_tls();
    void read_ahead();

    std::string text_;
    std::size_t text_sent_ = 0;
    base::Fd fd_;
    std::uint64_t offset_, left_;
    // TLS only: being sent, and read ahead.
    BodyBuffer now_, next_;
    std::size_t now_sent_ = 0;
    bool busy_ = false;
};

} // namespace agenthost::host::listener
