#include "worker_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

namespace agenthost::host {

struct WorkerPool::State {
    std::mutex mutex;
    std::condition_variable work, ended;
    std::deque<Owned> requests;
    std::deque<std::function<void()>> tasks;
    std::uint32_t bound = 0, alive = 0;
    bool ending = false, started = false;
    Serve serve;
    Returned returned;
    std::set<agh_req> inside, held; // at most one per thread
    std::vector<std::thread> threads;

    void loop()
    {
        std::unique_lock lock{mutex};
        for (;;) {
            work.wait(lock, [&] { return ending || !tasks.empty() || !requests.empty(); });
            if (!tasks.empty()) {
                auto next = std::move(tasks.front());
                tasks.pop_front();
                lock.unlock();
                next();
                next = nullptr;
            } else if (!requests.empty()) {
                const Owned next = std::move(requests.front());
                requests.pop_front();
                const agh_req id = next.request().id;
                inside.insert(id);
                lock.unlock();
                serve(next.request());
                lock.lock();
                inside.erase(id);
                const bool was_held = held.erase(id) > 0;
                lock.unlock();
                if (was_held && returned) returned(id);
            } else {
                break;
            }
            lock.lock();
        }
        --alive;
        ended.notify_all();
    }
};

WorkerPool::WorkerPool(std::uint32_t threads, std::uint32_t queue, Serve serve, Returned returned)
    : state_{std::make_shared<State>()}, threads_{threads}
{
    state_->bound = queue;
    state_->serve = std::move(serve);
    state_->returned = std::move(returned);
}

WorkerPool::~WorkerPool()
{
    end();
    for (std::thread& thread : state_->threads)
        if (thread.joinable()) thread.detach();
}

void WorkerPool::start()
{
    const std::lock_guard lock{state_->mutex};
    if (state_->started || state_->ending) return;
    state_->threads.reserve(threads_);
    while (state_->threads.size() < threads_) { // after a failed start() only the missing ones
        state_->threads.emplace_back([state = state_] { state->loop(); });
        ++state_->alive;
    }
    state_->started = true;
}

bool WorkerPool::push(const agh_request& request)
{
    const std::lock_guard lock{state_->mutex};
    if (state_->ending || state_->requests.size() >= state_->bound) return false;
    state_->requests.emplace_back(request);
    state_->work.notify_one();
    return true;
}

void WorkerPool::task(std::function<void()> what)
{
    const std::lock_guard lock{state_->mutex};
    if (state_->ending) return;
    state_->tasks.push_back(std::move(what));
    state_->work.notify_one();
}

bool WorkerPool::take_back(agh_req id)
{
    const std::lock_guard lock{state_->mutex};
    const auto found = std::find_if(state_->requests.begin(), state_->requests.end(),
                                    [&](const Owned& waiting) { return waiting.request().id == id; });
    if (found == state_->requests.end()) return false;
    state_->requests.erase(found);
    return true;
}

std::vector<agh_req> WorkerPool::take_back_all()
{
    const std::lock_guard lock{state_->mutex};
    std::vector<agh_req> out;
    for (const Owned& waiting : state_->requests) out.push_back(waiting.request().id);
    state_->requests.clear();
    return out;
}

bool WorkerPool::hold(agh_req id)
{
    const std::lock_guard lock{state_->mutex};
    if (!state_->inside.contains(id)) return false;
    state_->held.insert(id);
    return true;
}

std::uint32_t WorkerPool::held() const
{
    const std::lock_guard lock{state_->mutex};
    return static_cast<std::uint32_t>(state_->held.size());
}

void WorkerPool::end()
{
    const std::lock_guard lock{state_->mutex};
    state_->ending = true;
    state_->requests.clear();
    state_->work.notify_all();
}

bool WorkerPool::join(std::chrono::milliseconds timeout)
{
    std::unique_lock lock{state_->mutex};
    const bool all = state_->ended.wait_for(lock, timeout, [&] { return state_->alive == 0; });
    auto threads = std::move(state_->threads);
    state_->threads.clear();
    lock.unlock();
    for (std::thread& thread : threads) all ? thread.join() : thread.detach();
    return all;
}

std::size_t WorkerPool::queued() const
{
    const std::lock_guard lock{state_->mutex};
    return state_->requests.size();
}

bool WorkerPool::started() const
{
    const std::lock_guard lock{state_->mutex};
    return state_->started;
}

} // namespace agenthost::host
