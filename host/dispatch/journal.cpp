#include "journal.hpp"

#include "journal_store.hpp"

#include <boost/asio/post.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace agenthost::host {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds delivered_patience{
    100}; // losing a mark costs a second delivery, which the id tells

// What main asked for, and after the commit what main is to be told.
struct Operation {
    enum class Kind : std::uint8_t { begin, rerun, finish, replace, undelivered, expire } kind;
    std::string caller, id, action;
    Digest digest{};
    FinishedRow result; // finish, replace; its row also for rerun
    std::uint64_t after = 0;
    std::size_t most = 0;

    std::function<void(Journal::Begun)> on_begun;
    std::function<void(std::uint64_t)> on_rerun;
    std::function<void(bool, std::uint64_t)> on_finished;
    std::function<void(std::vector<Journal::Undelivered>)> on_page;

    Journal::Begun begun;
    bool ok = false;
    std::uint64_t sequence = 0; // rerun: the new row
    std::vector<Journal::Undelivered> page;

    void tell()
    {
        switch (kind) {
        case Kind::begin: return on_begun(std::move(begun));
        case Kind::rerun: return on_rerun(sequence);
        case Kind::finish:
            if (on_finished) on_finished(ok, sequence);
            return;
        case Kind::undelivered: return on_page(std::move(page));
        case Kind::replace:
        case Kind::expire: return;
        }
    }
};

FinishedRow owned(std::uint64_t row, const wire::Result& r)
{
    return {.row = row,
            .outcome = r.outcome,
            .data = std::string{r.data},
            .code = std::string{r.error.code},
            .message = std::string{r.error.message},
            .detail = std::string{r.error.detail},
            .error_data = std::string{r.error.data}};
}

} // namespace

struct Journal::Impl {
    asio::any_io_executor main;
    Options options;
    JournalStore store;

    std::mutex mutex;
    std::condition_variable wake;
    std::vector<Operation> queue;
    std::vector<std::uint64_t> delivered; // 8 bytes each, at most the journal's rows
    bool stopping = false;

    std::atomic<std::uint64_t> rows, undelivered, commits{0}, waiting{0}, bytes{0}, full{0}, failures{0};
    std::chrono::steady_clock::time_point measured;             // the journal thread's: when `bytes` was
    std::shared_ptr<bool> alive = std::make_shared<bool>(true); // main thread only
    std::thread thread;

    Impl(asio::any_io_executor main_executor, Options o)
        : main{std::move(main_executor)}, options{std::move(o)}, store{options}, rows{store.rows()},
          undelivered{store.undelivered_rows()}, thread{[this] { run(); }}
    {}

    ~Impl()
    {
        {
            const std::lock_guard lock{mutex};
            stopping = true;
        }
        wake.notify_one();
        thread.join();
    }

    void push(Operation operation)
    {
        {
            const std::lock_guard lock{mutex};
            queue.push_back(std::move(operation));
            waiting.store(queue.size(), std::memory_order_relaxed);
            if (queue.size() > 1) return; // the thread was told already
        }
        wake.notify_one();
    }

    void run()
    {
        measure();
        for (;;) {
            std::vector<Operation> batch;
            std::vector<std::uint64_t> seen;
            bool last = false;
            {
                std::unique_lock lock{mutex};
                wake.wait(lock, [this] { return stopping || !queue.empty() || !delivered.empty(); });
                if (!stopping && queue.empty()) // marks of delivery alone are not worth a commit each
                    wake.wait_for(lock, delivered_patience, [this] { return stopping || !queue.empty(); });
                batch.swap(queue);
                seen.swap(delivered);
                last = stopping;
                waiting.store(0, std::memory_order_relaxed);
            }
            if (!batch.empty() || !seen.empty() || (last && store.owes())) commit(batch, seen);
            if (last && batch.empty() && seen.empty()) return;
            if (!batch.empty()) tell(std::move(batch));
        }
    }

    void commit(std::vector<Operation>& batch, const std::vector<std::uint64_t>& seen)
    {
        const auto now =
            std::chrono::duration_cast<std::chrono::seconds>(options.clock().time_since_epoch()).count();
        std::string problem;
        try {
            store.open_transaction();
            if (store.owes()) store.pay(now);
            for (Operation& op : batch) apply(op, now);
            for (const auto row : seen) store.delivered(row);
            store.commit();
            commits.fetch_add(1, std::memory_order_relaxed);
        } catch (const std::exception& e) {
            problem = e.what();
            store.roll_back();
            refuse(batch, problem);
            failures.fetch_add(1, std::memory_order_relaxed);
        }
        measure();
        rows.store(store.rows(), std::memory_order_relaxed);
        undelivered.store(store.undelivered_rows(), std::memory_order_relaxed);
    }

    // The disk is this thread's to ask.
    void measure()
    {
        const auto now = std::chrono::steady_clock::now();
        if (now - measured < std::chrono::seconds{1}) return;
        measured = now;
        std::uint64_t sum = 0;
        for (const char* part : {"", "-wal"}) {
            std::error_code error;
            const auto size = std::filesystem::file_size(options.file.string() + part, error);
            if (!error) sum += size;
        }
        bytes.store(sum, std::memory_order_relaxed);
    }

    void apply(Operation& op, std::int64_t now)
    {
        switch (op.kind) {
        case Operation::Kind::begin:
            op.begun = store.begin(op.caller, op.id, op.digest, op.action, now);
            if (op.begun.what == Begin::full) full.fetch_add(1, std::memory_order_relaxed);
            break;
        case Operation::Kind::rerun: op.sequence = store.rerun(op.result.row); break;
        case Operation::Kind::finish:
            op.sequence = store.finish(op.result, now);
            op.ok = true;
            break;
        case Operation::Kind::replace: store.replace_result(op.result); break;
        case Operation::Kind::undelivered: op.page = store.undelivered(op.caller, op.after, op.most); break;
        case Operation::Kind::expire: store.expire(now); break;
        }
    }

    // The disk said no to the whole group: nothing of it happened. Results are remembered; marks of delivery
    // are not: what is delivered twice is known by its id.
    void refuse(std::vector<Operation>& batch, const std::string& problem)
    {
        for (Operation& op : batch) {
            op.ok = false;
            op.sequence = 0;
            op.page.clear();
            op.begun = {.what = Begin::failed,
                        .row = 0,
                        .result = {},
                        .problem = options.file.string() + ": " + problem};
            if (op.kind == Operation::Kind::finish) store.owe(std::move(op.result));
            if (op.kind == Operation::Kind::undelivered) {
                try {
                    op.page = store.undelivered(op.caller, op.after, op.most);
                } catch (const std::exception&) {} // an empty page: asked again with the next connection
            }
        }
    }

    void tell(std::vector<Operation> batch)
    {
        asio::post(main, [batch = std::make_shared<std::vector<Operation>>(std::move(batch)),
                          weak = std::weak_ptr{alive}] {
            for (Operation& op : *batch) {
                if (weak.expired()) return; // a continuation ended the journal
                op.tell();
            }
        });
    }
};

Journal::Journal(asio::any_io_executor main, Options options)
    : impl_{std::make_unique<Impl>(std::move(main), std::move(options))}
{}
Journal::~Journal() = default;

void Journal::begin(std::string_view caller, std::string_view id, const Digest& digest,
                    std::string_view action, std::function<void(Begun)> done)
{
    Operation op{.kind = Operation::Kind::begin,
                 .caller = std::string{caller},
                 .id = std::string{id},
                 .action = std::string{action},
                 .digest = digest,
                 .on_begun = std::move(done)};
    if (impl_->waiting.load(std::memory_order_relaxed) < impl_->options.queue)
        return impl_->push(std::move(op));
    impl_->full.fetch_add(1, std::memory_order_relaxed);
    asio::post(impl_->main, [on_begun = std::move(op.on_begun), weak = std::weak_ptr{impl_->alive}] {
        if (!weak.expired())
            on_begun({.what = Begin::full,
                      .row = 0,
                      .result = {},
                      .problem = "too many commands wait for the disk"});
    });
}

void Journal::rerun(std::uint64_t row, std::function<void(std::uint64_t)> done)
{
    impl_->push({.kind = Operation::Kind::rerun, .result = {.row = row}, .on_rerun = std::move(done)});
}

void Journal::finish(std::uint64_t row, const wire::Result& r, std::function<void(bool, std::uint64_t)> done)
{
    impl_->push({.kind = Operation::Kind::finish, .result = owned(row, r), .on_finished = std::move(done)});
}

void Journal::replace_result(std::uint64_t row, const wire::Result& r)
{
    impl_->push({.kind = Operation::Kind::replace, .result = owned(row, r)});
}

void Journal::delivered(std::uint64_t row)
{
    {
        const std::lock_guard lock{impl_->mutex};
        impl_->delivered.push_back(row);
        if (impl_->delivered.size() > 1) return;
    }
    impl_->wake.notify_one();
}

void Journal::undelivered(std::string_view caller, std::uint64_t after_sequence, std::size_t most,
                          std::function<void(std::vector<Undelivered>)> done)
{
    impl_->push({.kind = Operation::Kind::undelivered,
                 .caller = std::string{caller},
                 .after = after_sequence,
                 .most = most,
                 .on_page = std::move(done)});
}

void Journal::expire() { impl_->push({.kind = Operation::Kind::expire}); }

JournalStats Journal::stats() const
{
    return {.rows = impl_->rows,
            .undelivered = impl_->undelivered,
            .commits = impl_->commits,
            .waiting = impl_->waiting,
            .rows_most = impl_->options.rows,
            .bytes = impl_->bytes,
            .full = impl_->full,
            .failures = impl_->failures};
}

} // namespace agenthost::host
