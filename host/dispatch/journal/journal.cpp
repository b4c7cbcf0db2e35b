#include "journal.hpp"

#include "begin_quota.hpp"
#include "committer.hpp"
#include "disk_watch.hpp"
#include "queue.hpp"
#include "store.hpp"

#include <boost/asio/post.hpp>

#include <atomic>
#include <thread>

namespace agenthost::host {

namespace asio = boost::asio;

namespace {

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

// If the disk is full already, start-up may use the reserve of the last run.
std::unique_ptr<JournalStore> open_store(const Journal::Options& options)
try {
    return std::make_unique<JournalStore>(options);
} catch (const std::exception&) {
    const auto space = options.space(options.file.string());
    if (!space || space->bytes >= options.reserve ||
        !DiskReserve{DiskWatch::reserve_file(options), options.reserve}.release())
        throw;
    return std::make_unique<JournalStore>(options);
}

std::int64_t steady_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace

// Owns the parts and the thread.
struct Journal::Impl {
    asio::any_io_executor main;
    Options options;
    std::unique_ptr<JournalStore> store;
    DiskWatch disk;
    Committer committer;
    JournalQueue queue;
    // Main thread.
    BeginQuota begins;
    // 0: the thread is waiting.
    std::atomic<std::int64_t> working_since{0};
    // Main thread.
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
    std::thread thread;

    Impl(asio::any_io_executor main_executor, Options o)
        : main{std::move(main_executor)}, options{std::move(o)}, store{open_store(options)},
          disk{options, [this] { store->probe(); }}, committer{options, *store, disk}, begins{options.queue},
          thread{[this] { run(); }}
    {}
    ~Impl()
    {
        queue.stop();
        thread.join();
    }

    void run()
    {
        disk.look();
        for (;;) {
            JournalQueue::Batch batch = queue.take(DiskWatch::interval);
            working_since = steady_ns();
            if (!batch.last || !batch.operations.empty()) disk.look();
            if (!batch.empty() || committer.due(batch.last)) committer.commit(batch);
            working_since = 0;
            if (batch.last && batch.empty()) return;
            if (!batch.operations.empty()) answer(std::move(batch.operations));
        }
    }

    void answer(std::vector<Operation> operations)
    {
        asio::post(main, [this, weak = std::weak_ptr{alive},
                          all = std::make_shared<std::vector<Operation>>(std::move(operations))] {
            for (Operation& op : *all) {
                // A continuation may have destroyed the journal.
                if (weak.expired()) return;
                if (op.kind == Operation::Kind::begin) begins.give_back(op.caller);
                op.answer();
            }
        });
    }

    void refuse_begin(std::function<void(Begun)> done)
    {
        committer.count_full();
        asio::post(main, [done = std::move(done), weak = std::weak_ptr{alive}] {
            if (!weak.expired())
                done({.what = Begin::full,
                      .row = 0,
                      .result = {},
                      .problem = "too many commands wait for the disk",
                      .code = {}});
        });
    }
};

Journal::Journal(asio::any_io_executor main, Options options)
    : impl_{std::make_unique<Impl>(std::move(main), std::move(options))}
{}
Journal::~Journal() = default;

void Journal::begin(std::string_view caller, std::string_view id, const Digest& digest,
                    std::string_view action, std::function<void(Begun)> done, bool by_operator)
{
    if (!impl_->begins.take(caller, impl_->queue.waiting())) return impl_->refuse_begin(std::move(done));
    impl_->queue.add({.kind = Operation::Kind::begin,
                      .caller = std::string{caller},
                      .id = std::string{id},
                      .action = std::string{action},
                      .digest = digest,
                      .by_operator = by_operator,
                      .on_begun = std::move(done)});
}

void Journal::rerun(std::uint64_t row, std::function<void(std::uint64_t)> done)
{
    impl_->queue.add({.kind = Operation::Kind::rerun, .result = {.row = row}, .on_rerun = std::move(done)});
}

void Journal::finish(std::uint64_t row, const wire::Result& r, std::function<void(bool, std::uint64_t)> done,
                     bool changed_nothing)
{
    Operation op{.kind = Operation::Kind::finish, .result = owned(row, r), .on_finished = std::move(done)};
    op.result.changed_nothing = changed_nothing;
    impl_->queue.add(std::move(op));
}

void Journal::replace_result(std::uint64_t row, const wire::Result& r)
{
    impl_->queue.add({.kind = Operation::Kind::replace, .result = owned(row, r)});
}

void Journal::delivered(std::uint64_t row) { impl_->queue.mark_delivered(row); }

void Journal::undelivered(std::string_view caller, std::uint64_t after_sequence, std::size_t max_rows,
                          std::function<void(std::vector<Undelivered>)> done)
{
    impl_->queue.add({.kind = Operation::Kind::undelivered,
                      .caller = std::string{caller},
                      .after = after_sequence,
                      .max_rows = max_rows,
                      .on_page = std::move(done)});
}

void Journal::expire() { impl_->queue.add({.kind = Operation::Kind::expire}); }

void Journal::share_among(std::vector<std::string> callers)
{
    impl_->begins.share_among(callers.size());
    impl_->queue.add({.kind = Operation::Kind::share, .callers = std::move(callers)});
}

std::optional<base::DiskTrouble> Journal::trouble() const { return impl_->disk.trouble(); }

JournalStats Journal::stats() const
{
    const std::int64_t since = impl_->working_since;
    JournalStats stats{.waiting = impl_->queue.waiting(),
                       .max_rows = impl_->options.rows,
                       .bytes = impl_->disk.bytes(),
                       .max_result_bytes = impl_->options.bytes};
    impl_->committer.add_to(stats);
    if (since != 0) stats.working = std::chrono::nanoseconds{std::max<std::int64_t>(0, steady_ns() - since)};
    return stats;
}

} // namespace agenthost::host
