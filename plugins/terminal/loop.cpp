#include "loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace agenthost::terminal {

Loop::Loop(std::function<void()> on_error)
    : on_error_{std::move(on_error)}, epoll_{::epoll_create1(EPOLL_CLOEXEC)}, wake_{::eventfd(
                                                                                  0,
                                                                                  EFD_CLOEXEC | EFD_NONBLOCK)}
{
    if (!epoll_ || !wake_) throw std::system_error{errno, std::generic_category(), "epoll"};
    epoll_event event{.events = EPOLLIN, .data = {.u64 = static_cast<std::uint32_t>(wake_.get())}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
}

Loop::~Loop() { stop(); }

void Loop::start()
{
    // The host's threads handle signals; a SIGPIPE from a command's closed stdin stays pending here without
    // effect.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { run(); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Loop::stop()
{
    {
        const std::scoped_lock lock{mutex_};
        stopping_ = true;
    }
    ::eventfd_write(wake_.get(), 1);
    if (thread_.joinable()) thread_.join();
    std::vector<Function<void()>> dropped;
    const std::scoped_lock lock{mutex_};
    dropped.swap(posted_);
}

void Loop::post(Function<void()> fn)
{
    bool wake = false;
    {
        const std::scoped_lock lock{mutex_};
        if (stopping_) return;
        wake = posted_.empty();
        posted_.push_back(std::move(fn));
    }
    if (wake) ::eventfd_write(wake_.get(), 1);
}

void Loop::watch(int fd, std::uint32_t events, Watcher& watcher)
{
    const auto at = static_cast<std::size_t>(fd);
    if (at >= watched_.size()) watched_.resize(at + 1);
    Watched& entry = watched_[at];
    const bool known = entry.watcher != nullptr;
    if (known && entry.watcher == &watcher && entry.events == events) return;
    if (!known) ++entry.generation;
    entry.watcher = &watcher;
    entry.events = events;
    epoll_event event{.events = events, .data = {.u64 = std::uint64_t{entry.generation} << 32 | at}};
    if (::epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
}

void Loop::forget(int fd)
{
    const auto at = static_cast<std::size_t>(fd);
    if (fd < 0 || at >= watched_.size() || watched_[at].watcher == nullptr) return;
    watched_[at].watcher = nullptr;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::Timer Loop::after(Clock::duration delay, Function<void()> fn)
{
    const Timer id = ++last_timer_;
    by_id_.emplace(id, timers_.emplace(Clock::now() + delay, Due{id, std::move(fn)}));
    return id;
}

void Loop::cancel(Timer& timer)
{
    if (const auto found = by_id_.find(timer); found != by_id_.end()) {
        timers_.erase(found->second);
        by_id_.erase(found);
    }
    timer = 0;
}

void Loop::later(Function<void()> fn) { later_.push_back(std::move(fn)); }

template <class F> void Loop::guarded(F&& fn)
{
    try {
        fn();
    } catch (...) {
        on_error_();
    }
}

void Loop::run()
{
    for (;;) {
        {
            const std::scoped_lock lock{mutex_};
            if (stopping_) return;
        }
        turn();
    }
}

int Loop::poll_timeout() const
{
    if (timers_.empty()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now());
    return left.count() < 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
}

void Loop::turn()
{
    std::array<epoll_event, 128> events;
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), poll_timeout());
    now_ = Clock::now();
    for (int i = 0; i < count; ++i) {
        const auto fd = static_cast<std::uint32_t>(events[static_cast<std::size_t>(i)].data.u64);
        if (static_cast<int>(fd) == wake_.get()) {
            eventfd_t ignored;
            ::eventfd_read(wake_.get(), &ignored);
            run_posted();
            continue;
        }
        const Watched& entry = watched_[fd];
        if (entry.watcher == nullptr ||
            entry.generation != events[static_cast<std::size_t>(i)].data.u64 >> 32)
            continue; // forgotten in this turn
        guarded(
            [&] { entry.watcher->ready(static_cast<int>(fd), events[static_cast<std::size_t>(i)].events); });
    }
    fire_timers();
    while (!later_.empty()) {
        std::vector<Function<void()>> work;
        work.swap(later_);
        for (auto& fn : work) guarded(fn);
    }
}

void Loop::fire_timers()
{
    while (!timers_.empty() && timers_.begin()->first <= now_) {
        Due due = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        by_id_.erase(due.id);
        guarded(due.fn);
    }
}

void Loop::run_posted()
{
    std::vector<Function<void()>> work;
    {
        const std::scoped_lock lock{mutex_};
        work.swap(posted_);
    }
    for (auto& fn : work) guarded(fn);
}

} // namespace agenthost::terminal
