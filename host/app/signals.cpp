#include "signals.hpp"

#include <boost/asio/post.hpp>

#include <csignal>
#include <utility>

namespace agenthost::host {

namespace {

volatile std::sig_atomic_t early_hangup = 0;

} // namespace

void Signals::expect()
{
    // Writing to a closed peer, or beyond LimitFSIZE, returns an error code instead.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    std::signal(SIGHUP, [](int) { early_hangup = 1; });
    // The parent process may have blocked them.
    sigset_t ours;
    ::sigemptyset(&ours);
    for (const int sig : {SIGTERM, SIGINT, SIGHUP, SIGALRM}) ::sigaddset(&ours, sig);
    ::pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
}

Signals::Signals(boost::asio::io_context& control, boost::asio::any_io_executor main, Hooks hooks)
    : signals_{control}, main_{std::move(main)}, hooks_{std::move(hooks)}
{
    for (const int sig : {SIGTERM, SIGINT, SIGHUP}) signals_.add(sig);
    wait();
    if (early_hangup == 0) return;
    early_hangup = 0;
    boost::asio::post(main_, [this] { hooks_.on_signal(SIGHUP); });
}

// Runs on the control thread.
void Signals::wait()
{
    signals_.async_wait([this](const boost::system::error_code& error, int sig) {
        if (error) return;
        if (sig != SIGHUP) hooks_.on_stop();
        boost::asio::post(main_, [this, sig] { hooks_.on_signal(sig); });
        wait();
    });
}

} // namespace agenthost::host
