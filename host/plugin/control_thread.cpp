#include "control_thread.hpp"

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

namespace agenthost::host {
namespace {

enum : int { pending, returned, given_up };

struct Running {
    explicit Running(ControlThread::Op o) : op{std::move(o)} {}
    ControlThread::Op op;
    std::atomic<int> outcome{pending};
    std::string problem;                              // written by the thread before `returned`
    std::unique_ptr<boost::asio::steady_timer> timer; // main thread only
};

} // namespace

struct ControlThread::State : std::enable_shared_from_this<State> {
    std::shared_ptr<MainThread> main;
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::shared_ptr<Running>> queue;
    bool ending = false, busy = false;
    std::thread thread;
    std::set<std::shared_ptr<Running>> open; // main thread only

    void loop()
    {
        std::unique_lock lock{mutex};
        for (;;) {
            wake.wait(lock, [&] { return ending || !queue.empty(); });
            if (queue.empty()) return;
            auto next = std::move(queue.front());
            queue.pop_front();
            busy = true;
            lock.unlock();
            execute(next);
            next.reset();
            lock.lock();
            busy = false;
        }
    }

    void execute(const std::shared_ptr<Running>& r)
    {
        if (r->outcome == given_up) return; // abandoned while it waited behind a call that hangs
        r->problem = r->op.work();
        int expected = pending;
        if (!r->outcome.compare_exchange_strong(expected, returned)) {
            if (r->op.late) r->op.late();
            return;
        }
        main->post([self = shared_from_this(), r] { self->finish(r, Ended::in_time); });
    }

    // Main thread.
    void finish(const std::shared_ptr<Running>& r, Ended how)
    {
        if (open.erase(r) == 0) return; // the ControlThread is gone
        r->timer.reset();
        const auto done = std::move(r->op.done);
        done(how, how == Ended::in_time ? std::move(r->problem) : std::string{});
    }
};

ControlThread::ControlThread(std::shared_ptr<MainThread> main) : state_{std::make_shared<State>()}
{
    state_->main = std::move(main);
    state_->thread = std::thread{[state = state_] { state->loop(); }};
}

ControlThread::~ControlThread()
{
    bool idle = true;
    {
        const std::lock_guard lock{state_->mutex};
        state_->ending = true;
        idle = state_->queue.empty() && !state_->busy;
    }
    for (const auto& r : state_->open) {
        int expected = pending;
        r->outcome.compare_exchange_strong(expected, given_up);
        r->timer.reset();
    }
    state_->open.clear();
    state_->wake.notify_all();
    if (idle)
        state_->thread.join();
    else
        state_->thread.detach();
}

void ControlThread::run(Op op)
{
    auto r = std::make_shared<Running>(std::move(op));
    state_->open.insert(r);
    r->timer = std::make_unique<boost::asio::steady_timer>(state_->main->executor(), r->op.timeout);
    r->timer->async_wait([state = std::weak_ptr{state_}, r](boost::system::error_code ec) {
        const auto self = state.lock();
        int expected = pending;
        if (ec || !self || !r->outcome.compare_exchange_strong(expected, given_up)) return;
        self->finish(r, Ended::too_late);
    });
    {
        const std::lock_guard lock{state_->mutex};
        state_->queue.push_back(std::move(r));
    }
    state_->wake.notify_one();
}

} // namespace agenthost::host
