#include "workers.hpp"

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace agenthost::printer::usb {

struct Workers::Stop::State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> waiting;
    std::size_t threads = 0;
    bool stopping = false;
};

Workers::Workers() { stop_.state_ = std::make_shared<Stop::State>(); }

Workers::~Workers() { request_stop(); }

void Workers::run(std::function<void()> call)
{
    auto& state = *stop_.state_;
    std::unique_lock lock{state.mutex};
    state.waiting.push_back(std::move(call));
    if (state.threads == max_threads) return;
    ++state.threads;
    sigset_t all, before; // signals are the host's main thread's
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        std::thread{[shared = stop_.state_] { loop(shared); }}.detach();
    } catch (const std::system_error&) {
        --state.threads; // the call waits for a thread that still runs, or for the next call
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

std::size_t Workers::waiting() const
{
    const std::scoped_lock lock{stop_.state_->mutex};
    return stop_.state_->waiting.size();
}

void Workers::loop(const std::shared_ptr<Stop::State>& state)
{
    std::unique_lock lock{state->mutex};
    while (!state->waiting.empty()) {
        auto call = std::move(state->waiting.front());
        state->waiting.pop_front();
        lock.unlock();
        call();
        call = nullptr; // what it owns goes before it counts as returned
        lock.lock();
    }
    --state->threads;
    state->changed.notify_all();
}

void Workers::request_stop()
{
    const std::scoped_lock lock{stop_.state_->mutex};
    stop_.state_->stopping = true;
    stop_.state_->changed.notify_all();
}

bool Workers::wait_idle(std::chrono::milliseconds timeout)
{
    auto& state = *stop_.state_;
    std::unique_lock lock{state.mutex};
    return state.changed.wait_for(lock, timeout, [&] { return state.threads == 0; });
}

bool Workers::Stop::wait(std::chrono::milliseconds time) const
{
    std::unique_lock lock{state_->mutex};
    return state_->changed.wait_for(lock, time, [this] { return state_->stopping; });
}

} // namespace agenthost::printer::usb
