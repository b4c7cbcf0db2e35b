#include "loop.hpp"

#include "base/fd.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <unordered_map>

namespace agenthost::host {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::size_t max_tasks = 1024;
constexpr std::uint32_t max_posts = 1024;
// 36 years: sums of two cannot overflow, and no timer needs more.
constexpr std::uint64_t max_delay_ns = 1ull << 60;
// Shorter periods would keep the host's thread busy.
constexpr std::uint64_t min_period_ns = 1'000'000;
constexpr std::uint32_t known_events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLERR | POLLHUP;

// Whether epoll accepts the descriptor. It rejects regular files and folders.
bool can_be_polled(int fd)
{
    const base::Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    epoll_event event{};
    event.events = EPOLLIN;
    return epoll && ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

struct Task {
    std::uint64_t cookie = 0;
    std::chrono::nanoseconds period{0};
    bool queued = false;                                        // on its way to [run]
    std::shared_ptr<asio::steady_timer> timer;                  // made and used on the main thread only
    std::shared_ptr<asio::posix::stream_descriptor> descriptor; // the same
};

} // namespace

struct Loop::State : std::enable_shared_from_this<State> {
    std::shared_ptr<MainThread> main;
    Deliver deliver;
    Fire fire;
    std::mutex mutex;
    std::unordered_map<agh_task, Task> tasks;
    agh_task last = 0;
    bool closed = false;
    std::atomic<std::uint32_t> posts{0};

    agh_status add(std::uint64_t cookie, std::chrono::nanoseconds period, agh_task& id)
    {
        const std::lock_guard lock{mutex};
        if (closed) return AGH_E_STALE;
        if (tasks.size() >= max_tasks) return AGH_E_BUSY;
        id = ++last;
        tasks[id] = {cookie, period, false, nullptr, nullptr};
        return AGH_OK;
    }

    // --- main thread

    void arm_timer(agh_task id, Clock::time_point at)
    {
        auto timer = std::make_shared<asio::steady_timer>(main->executor(), at);
        {
            const std::lock_guard lock{mutex};
            const auto found = tasks.find(id);
            if (closed || found == tasks.end()) return;
            found->second.timer = timer;
        }
        wait_timer(id, std::move(timer));
    }

    void wait_timer(agh_task id, std::shared_ptr<asio::steady_timer> timer)
    {
        timer->async_wait([weak = weak_from_this(), id, timer](boost::system::error_code ec) {
            const auto self = weak.lock();
            if (ec || !self) return;
            const auto period = self->fired(id, 0);
            if (period.count() == 0) return;
            const auto now = Clock::now();
            auto next = timer->expiry() + period;
            if (next <= now) next += period * ((now - next) / period + 1); // missed periods are skipped
            timer->expires_at(next);
            self->wait_timer(id, timer);
        });
    }

    void arm_watch(agh_task id, int fd, std::uint32_t events)
    {
        auto descriptor = std::make_shared<asio::posix::stream_descriptor>(main->executor());
        boost::system::error_code ec;
        descriptor->assign(fd, ec);
        if (ec) {
            ::close(fd);
            fired(id, POLLNVAL);
            return;
        }
        {
            const std::lock_guard lock{mutex};
            const auto found = tasks.find(id);
            if (closed || found == tasks.end()) return;
            found->second.descriptor = descriptor;
        }
        wait_watch(id, descriptor, events);
    }

    void wait_watch(agh_task id, const std::shared_ptr<asio::posix::stream_descriptor>& descriptor,
                    std::uint32_t events)
    {
        using asio::posix::descriptor_base;
        const auto wait = [&](descriptor_base::wait_type type) {
            descriptor->async_wait(type, [weak = weak_from_this(), id, descriptor,
                                          events](boost::system::error_code ec) {
                const auto self = weak.lock();
                if (ec == asio::error::operation_aborted || !self) return;
                pollfd now{descriptor->native_handle(), static_cast<short>(events), 0};
                if (::poll(&now, 1, 0) == 0 && !ec) {
                    descriptor->cancel(); // not ready after all
                    self->wait_watch(id, descriptor, events);
                    return;
                }
                descriptor->cancel();
                self->fired(id, ec ? std::uint32_t{POLLERR}
                                   : static_cast<std::uint32_t>(static_cast<unsigned short>(now.revents)));
            });
        };
        if (events & (POLLIN | POLLRDHUP) || !(events & (POLLOUT | POLLPRI)))
            wait(descriptor_base::wait_read);
        if (events & POLLOUT) wait(descriptor_base::wait_write);
        if (events & POLLPRI) wait(descriptor_base::wait_error);
    }

    // Returns the period of a task that continues, else 0.
    std::chrono::nanoseconds fired(agh_task id, std::uint32_t events)
    {
        std::shared_ptr<asio::posix::stream_descriptor> done; // closed outside the lock
        std::chrono::nanoseconds period{0};
        {
            const std::lock_guard lock{mutex};
            const auto found = tasks.find(id);
            if (closed || found == tasks.end()) return period;
            Task& task = found->second;
            period = task.period;
            if (period.count() == 0) task.timer.reset();
            done = std::move(task.descriptor);
            if (task.queued) return period; // the previous one has not run yet: this one is skipped
            task.queued = true;
        }
        deliver([self = shared_from_this(), id, events] { self->run(id, events); });
        return period;
    }

    // --- [run]

    void run(agh_task id, std::uint32_t events)
    {
        std::uint64_t cookie = 0;
        {
            const std::lock_guard lock{mutex};
            const auto found = tasks.find(id);
            if (closed || found == tasks.end()) return; // cancelled while it was queued
            cookie = found->second.cookie;
            if (found->second.period.count() > 0)
                found->second.queued = false;
            else
                tasks.erase(found); // fired() has released its Asio objects
        }
        fire(id, cookie, events);
    }
};

Loop::Loop(std::shared_ptr<MainThread> main, Deliver deliver, Fire fire) : state_{std::make_shared<State>()}
{
    state_->main = std::move(main);
    state_->deliver = std::move(deliver);
    state_->fire = std::move(fire);
}

Loop::~Loop() = default;

agh_status Loop::timer(std::uint64_t delay, std::uint64_t period, std::uint64_t cookie, agh_task& id)
{
    if (period != 0) period = std::max(period, min_period_ns);
    const auto at = Clock::now() + std::chrono::nanoseconds{std::min(delay, max_delay_ns)};
    const agh_status status =
        state_->add(cookie, std::chrono::nanoseconds{std::min(period, max_delay_ns)}, id);
    if (status == AGH_OK) state_->main->post([state = state_, id, at] { state->arm_timer(id, at); });
    return status;
}

agh_status Loop::watch(int fd, std::uint32_t events, std::uint64_t cookie, agh_task& id)
{
    if (fd < 0 || events == 0 || (events & ~known_events) != 0 || !can_be_polled(fd)) return AGH_E_INVALID;
    // A duplicate, because the plugin may close its descriptor and the kernel may reuse the number.
    auto own = std::make_shared<base::Fd>(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!*own) return AGH_E_BUSY; // out of descriptors
    const agh_status status = state_->add(cookie, {}, id);
    if (status == AGH_OK)
        state_->main->post(
            [state = state_, id, own, events] { state->arm_watch(id, own->release(), events); });
    return status;
}

agh_status Loop::post(std::uint64_t cookie)
{
    if (state_->posts.fetch_add(1) >= max_posts) {
        state_->posts.fetch_sub(1);
        return AGH_E_BUSY;
    }
    state_->deliver([state = state_, cookie] {
        state->posts.fetch_sub(1);
        {
            const std::lock_guard lock{state->mutex};
            if (state->closed) return;
        }
        state->fire(0, cookie, 0);
    });
    return AGH_OK;
}

agh_status Loop::cancel(agh_task id)
{
    Task gone;
    {
        const std::lock_guard lock{state_->mutex};
        const auto found = state_->tasks.find(id);
        if (found == state_->tasks.end()) return AGH_E_STALE;
        gone = std::move(found->second);
        state_->tasks.erase(found);
    }
    if (gone.timer || gone.descriptor) // Asio objects belong to the main thread
        state_->main->post(
            [timer = std::move(gone.timer), descriptor = std::move(gone.descriptor)]() mutable {
                if (timer) timer->cancel();
                if (descriptor) descriptor->close();
            });
    return AGH_OK;
}

void Loop::close()
{
    std::unordered_map<agh_task, Task> gone;
    {
        const std::lock_guard lock{state_->mutex};
        state_->closed = true;
        gone.swap(state_->tasks);
    }
    for (auto& [id, task] : gone) {
        if (task.timer) task.timer->cancel();
        boost::system::error_code ec;
        if (task.descriptor) task.descriptor->close(ec);
    }
}

} // namespace agenthost::host
