// Blocks SIGPIPE on the calling thread. sendfile() and SSL_write() on a closed socket raise it, and they have
// no flag to prevent that. A library must not change the process's disposition, so the thread blocks the
// signal and consumes one that arrived.
#pragma once

#include <csignal>
#include <ctime>

namespace agenthost::base {

class IgnoreSigpipe {
public:
    IgnoreSigpipe()
    {
        sigset_t pending;
        ::sigpending(&pending);
        was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~IgnoreSigpipe()
    {
        const timespec now{};
        if (!was_pending_) ::sigtimedwait(&pipe_, nullptr, &now);
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    IgnoreSigpipe(const IgnoreSigpipe&) = delete;
    IgnoreSigpipe& operator=(const IgnoreSigpipe&) = delete;

private:
    sigset_t pipe_{}, before_{};
    bool was_pending_ = false;
};

} // namespace agenthost::base
