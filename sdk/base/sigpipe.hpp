// sendfile() and SSL_write() on a closed socket raise SIGPIPE, and no flag of theirs prevents it. A library must not change the
// process's disposition, so the calling thread blocks the signal meanwhile and takes back one that came.
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
