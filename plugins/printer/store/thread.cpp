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

void StoreThread::run(std::function<void(Store&)> call, Done done)
{
    {
        const std::lock_guard lock{mutex_};
        waiting_.push_back({std::move(call), std::move(done), std::nullopt});
    }
    wake_.notify_one();
}

void StoreThread::save(job::JobId id, const job::Progress& progress, Done done)
{
    Call call{[id, progress](Store& store) { store.save(id, progress, now_ms()); }, std::move(done),
              std::nullopt};
    if (progress.state == job::State::ended) call.final_row.emplace(id, progress);
    {
        const std::lock_guard lock{mutex_};
        waiting_.push_back(std::move(call));
    }
    wake_.notify_one();
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

void StoreThread::pay()
{
    for (const auto& [id, progress] : owed_) store_->save(id, progress, now_ms());
}

void StoreThread::carry_out(std::vector<Call>& calls)
{
    std::optional<Problem> problem;
    try {
        base::Transaction transaction{store_->database()};
        pay();
        for (Call& call : calls) call.run(*store_);
        transaction.commit();
        owed_.clear();
    } catch (...) {
        problem = problem_of(std::current_exception(), file_);
        for (Call& call : calls)
            if (call.final_row) owed_.push_back(std::move(*call.final_row));
    }
    {
        const std::lock_guard lock{mutex_};
        trouble_ = problem ? problem->message : std::string{};
    }
    std::vector<Done> done;
    for (Call& call : calls)
        if (call.done) done.push_back(std::move(call.done));
    if (done.empty()) return;
    deliver_([done = std::move(done), problem = std::move(problem)] {
        for (const Done& one : done) one(problem);
    });
}

} // namespace agenthost::printer::store
