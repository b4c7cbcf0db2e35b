#include "sender.hpp"

namespace agenthost::host::listener {

net::Stream::Done Sender::then_pump()
{
    waiting_ = true;
    return [self = shared_from_this(), life = context_.life.lock()](error_code ec) {
        self->waiting_ = false;
        if (self->over_) return;
        if (ec) return self->failed();
        self->pump();
    };
}

void Sender::wait_for_space() { context_.stream.wait_writable(then_pump()); }
void Sender::wait_for_flush() { context_.stream.async_flush(then_pump()); }

void Sender::sent()
{
    over_ = true;
    owner_.answer_sent();
}

void Sender::failed()
{
    over_ = true;
    owner_.answer_failed();
}

} // namespace agenthost::host::listener
