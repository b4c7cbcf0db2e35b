#include "thread.hpp"

#include "base/disk_trouble.hpp"

#include <chrono>
#include <exception>
#include <utility>

namespace agenthost::printer::store {

namespace {

constexpr std::chrono::seconds retry{1};

std::int64_t now_ms()
{
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

Problem problem_of(const std::exception_ptr& error, const std::string& file)
{
    try {
        std::rethrow_exception(error);
    } catch (const base::SqliteError& e) {
        const base::DiskTrouble trouble = base::disk_trouble(e, file);
        return {trouble.code, trouble.text};
    } catch (const std::exception& e) {
        return {code::internal, e.what()};
    }
}

} // namespace

StoreThread::StoreThread(std::unique_ptr<Store> store, std::string file, Deliver deliver)
    : store_{std::move(store)}, file_{std::move(file)}, deliver_{std::move(deliver)}, thread_{
                                                                                          [this] { work(); }}
{}

StoreThread::~StoreThread()
{
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void StoreThread::run(std::function<void(Store&)> call, Done done, std::string keep)
{
    {
        const std::lock_guard lock{mutex_};
        waiting_.push_back({std::move(call), std::move(done), std::move(keep)});
    }
    wake_.notify_one();
}

void StoreThread::save(job::JobId id, const job::Progress& progress, Done done)
{
    const bool last = progress.state == job::State::ended;
    run([id, progress](Store& store) { store.save(id, progress, now_ms()); }, std::move(done),
        last ? "job " + std::to_string(id) : std::string{});
}

void StoreThread::flush()
{
    std::unique_lock lock{mutex_};
    idle_.wait(lock, [this] { return waiting_.empty() && !busy_; });
}

std::string StoreThread::trouble() const
{
    const std::lock_guard lock{mutex_};
    return trouble_;
}

void StoreThread::work()
{
    std::unique_lock lock{mutex_};
    while (true) {
        const auto ready = [this] { return stopping_ || !waiting_.empty(); };
        if (owed_.empty())
            wake_.wait(lock, ready);
        else
            wake_.wait_for(lock, retry, ready);
        if (waiting_.empty() && stopping_) return;
        std::vector<Call> calls = std::exchange(waiting_, {});
        busy_ = true;
        lock.unlock();
        carry_out(calls);
        lock.lock();
        busy_ = false;
        idle_.notify_all();
    }
}

std::optional<Problem> StoreThread::transact(const std::function<void()>& what)
{
    try {
        base::Transaction transaction{store_->database()};
        what();
        transaction.commit();
        return std::nullopt;
    } catch (...) {
        return problem_of(std::current_exception(), file_);
    }
}

void StoreThread::carry_out(std::vector<Call>& calls)
{
    std::vector<std::optional<Problem>> problems(calls.size());
    const std::optional<Problem> refused = transact([&] {
        for (const auto& [name, call] : owed_) call(*store_);
        for (const Call& call : calls) call.run(*store_);
    });
    if (!refused) owed_.clear();
    for (std::size_t i = 0; refused && i < calls.size(); ++i) {
        problems[i] = transact([&] { calls[i].run(*store_); });
        if (calls[i].keep.empty()) continue;
        if (problems[i])
            owed_.insert_or_assign(calls[i].keep, calls[i].run);
        else
            owed_.erase(calls[i].keep);
    }
    {
        const std::lock_guard lock{mutex_};
        trouble_ = refused ? refused->message : std::string{};
    }
    std::vector<std::pair<Done, std::optional<Problem>>> done;
    for (std::size_t i = 0; i < calls.size(); ++i)
        if (calls[i].done) done.emplace_back(std::move(calls[i].done), std::move(problems[i]));
    if (done.empty()) return;
    deliver_([done = std::move(done)] {
        for (const auto& [one, problem] : done) one(problem);
    });
}

} // namespace agenthost::printer::store
