#include "journal.hpp"

#include "disk_reserve.hpp"
#include "journal_store.hpp"

#include <boost/asio/post.hpp>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace agenthost::host {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds delivered_patience{
    100};                                     // losing a mark costs a second delivery, which the id tells
constexpr std::chrono::seconds look_every{1}; // at the disk, whether or not there is work
constexpr const char* remedy = "move agent.state_dir to another disk";

// What main asked for, and after the commit what main is to be told.
struct Operation {
    enum class Kind : std::uint8_t { begin, rerun, finish, replace, undelivered, expire, share } kind;
    std::string caller, id, action;
    Digest digest{};
    bool by_operator = false;
    std::vector<std::string> callers; // share
    FinishedRow result;               // finish, replace; its row also for rerun
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
        case Kind::expire:
        case Kind::share: return;
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

std::filesystem::path reserve_file(const Journal::Options& options)
{
    return options.file.parent_path() / "journal.reserve";
}

// On a disk that is full already the reserve of the last run is what start-up may use.
std::unique_ptr<JournalStore> open_store(const Journal::Options& options)
try {
    return std::make_unique<JournalStore>(options);
} catch (const std::exception&) {
    const auto space = options.space(options.file.string());
    if (!space || space->bytes >= options.reserve ||
        !DiskReserve{reserve_file(options), options.reserve}.release())
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

struct Journal::Impl {
    asio::any_io_executor main;
    Options options;
    std::unique_ptr<JournalStore> store; // the journal thread's, as the next four
    DiskReserve reserve;
    std::optional<base::DiskTrouble> in_trouble;
    bool inodes_gone = false;
    std::chrono::steady_clock::time_point looked;

    mutable std::mutex mutex;
    std::condition_variable wake;
    std::vector<Operation> queue;
    std::vector<std::uint64_t> delivered; // 8 bytes each, at most the journal's rows
    bool stopping = false;
    std::optional<base::DiskTrouble> trouble; // what others see of in_trouble

    std::atomic<std::uint64_t> rows, undelivered, result_bytes, commits{0}, waiting{0}, bytes{0}, full{0},
        failures{0};
    std::atomic<std::int64_t> working_since{0};                 // 0: the thread waits
    std::shared_ptr<bool> alive = std::make_shared<bool>(true); // main thread only, as the next two
    std::map<std::string, std::size_t, std::less<>> begins;     // that wait, of each caller
    std::size_t sharing = 0;
    std::thread thread;

    Impl(asio::any_io_executor main_executor, Options o)
        : main{std::move(main_executor)}, options{std::move(o)}, store{open_store(options)},
          reserve{reserve_file(options), options.reserve}, rows{store->rows()},
          undelivered{store->undelivered_rows()}, result_bytes{store->bytes()}
    {
        // A daemon that is ready has its reserve: killed a moment later, with a disk that fills up, it starts again.
        if (const auto space = options.space(options.file.string());
            space && !space->read_only && space->bytes >= options.reserve)
            reserve.hold(std::chrono::steady_clock::now());
        thread = std::thread{[this] { run(); }};
    }

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
        look();
        for (;;) {
            std::vector<Operation> batch;
            std::vector<std::uint64_t> seen;
            bool last = false;
            {
                std::unique_lock lock{mutex};
                wake.wait_for(lock, look_every,
                              [this] { return stopping || !queue.empty() || !delivered.empty(); });
                if (!stopping && queue.empty() &&
                    !delivered.empty()) // marks alone are not worth a commit each
                    wake.wait_for(lock, delivered_patience, [this] { return stopping || !queue.empty(); });
                batch.swap(queue);
                seen.swap(delivered);
                last = stopping;
                waiting.store(0, std::memory_order_relaxed);
            }
            working_since = steady_ns();
            if (!last || !batch.empty()) look();
            if (!batch.empty() || !seen.empty() || store->brief_due(now()) || (last && store->owes()))
                commit(batch, seen);
            working_since = 0;
            if (last && batch.empty() && seen.empty()) return;
            if (!batch.empty()) tell(std::move(batch));
        }
    }

    [[nodiscard]] std::int64_t now() const
    {
        return std::chrono::duration_cast<std::chrono::seconds>(options.clock().time_since_epoch()).count();
    }

    void commit(std::vector<Operation>& batch, const std::vector<std::uint64_t>& seen)
    {
        if (in_trouble) look_for_the_end(); // it may be over with this very command
        auto problem = attempt(batch, seen);
        if (problem) {
            failures.fetch_add(1, std::memory_order_relaxed);
            set_trouble(problem);
            if (problem->code == "DISK_FULL" && reserve.release()) problem = attempt(batch, seen);
            if (problem) refuse(batch, *problem);
        }
        rows.store(store->rows(), std::memory_order_relaxed);
        undelivered.store(store->undelivered_rows(), std::memory_order_relaxed);
        result_bytes.store(store->bytes(), std::memory_order_relaxed);
    }

    std::optional<base::DiskTrouble> attempt(std::vector<Operation>& batch,
                                             const std::vector<std::uint64_t>& seen)
    {
        const auto at = now();
        try {
            store->open_transaction();
            if (store->owes()) store->pay(at);
            for (Operation& op : batch) apply(op, at);
            for (const auto row : seen) store->delivered(row);
            if (store->brief_due(at)) store->expire_brief(at);
            store->commit();
            commits.fetch_add(1, std::memory_order_relaxed);
            return std::nullopt;
        } catch (const base::SqliteError& e) {
            store->roll_back();
            return base::disk_trouble(e, options.file.string(), remedy);
        } catch (const std::exception& e) {
            store->roll_back();
            return base::DiskTrouble{"INTERNAL", options.file.string() + ": " + e.what() + "."};
        }
    }

    // To read needs no room.
    void tell_what_is_known(Operation& op)
    {
        try {
            auto known = store->begin(op.caller, op.id, op.digest, op.action, now(), false);
            if (known.what != Begin::failed) op.begun = std::move(known);
        } catch (const std::exception&) {} // not even that
    }

    // ---- the disk, which is this thread's to ask

    void set_trouble(std::optional<base::DiskTrouble> now)
    {
        const bool changed =
            now.has_value() != in_trouble.has_value() || (now && now->text != in_trouble->text);
        in_trouble = std::move(now);
        if (!changed) return;
        {
            const std::lock_guard lock{mutex};
            trouble = in_trouble;
        }
        if (!options.report) return;
        options.report("journal", in_trouble
                                      ? in_trouble->text + " Commands with effects are refused until then."
                                      : std::string{});
    }

    // Once a second.
    void look()
    {
        const auto t = std::chrono::steady_clock::now();
        if (t - looked < look_every / 2) return;
        looked = t;
        measure();
        const std::string file = options.file.string();
        const auto space = options.space(file);
        if (in_trouble) {
            look_for_the_end();
        } else if (space && space->read_only) {
            set_trouble(base::disk_trouble(EROFS, file, remedy));
        } else if (space && space->bytes < options.reserve) {
            set_trouble(base::disk_trouble(ENOSPC, file, remedy));
        } else if (space) {
            reserve.hold(t);
        }
        const bool none_left = space && space->inodes && *space->inodes == 0;
        if (std::exchange(inodes_gone, none_left) != none_left && options.report)
            options.report("state_dir",
                           none_left ? options.file.parent_path().string() +
                                           ": the file system has no free inodes: no file can be made. "
                                           "Delete files there that are no longer needed, or " +
                                           remedy + "."
                                     : std::string{});
    }

    // Over when there is room for the reserve and as much again, and a real write works. With less, look() would find the trouble again.
    void look_for_the_end()
    {
        const auto space = options.space(options.file.string());
        if (!space || space->read_only) return;
        if (space->bytes < (reserve.held() ? 1 : 2) * options.reserve) return;
        try {
            store->probe();
        } catch (const std::exception&) {
            return;
        }
        reserve.hold(std::chrono::steady_clock::now());
        set_trouble(std::nullopt);
    }

    void measure()
    {
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
            op.begun =
                store->begin(op.caller, op.id, op.digest, op.action, now, !in_trouble || op.by_operator);
            if (op.begun.what == Begin::failed && in_trouble) {
                op.begun.problem = in_trouble->text;
                op.begun.code = in_trouble->code;
            }
            if (op.begun.what == Begin::full) full.fetch_add(1, std::memory_order_relaxed);
            break;
        case Operation::Kind::rerun: op.sequence = store->rerun(op.result.row); break;
        case Operation::Kind::finish:
            op.sequence = store->finish(op.result, now);
            op.ok = true;
            break;
        case Operation::Kind::replace: store->replace_result(op.result); break;
        case Operation::Kind::undelivered: op.page = store->undelivered(op.caller, op.after, op.most); break;
        case Operation::Kind::expire: store->expire(now); break;
        case Operation::Kind::share: store->share_among(op.callers); break;
        }
    }

    // The disk said no to the whole group: nothing of it happened. Results are remembered; marks of delivery
    // are not: what is delivered twice is known by its id.
    void refuse(std::vector<Operation>& batch, const base::DiskTrouble& problem)
    {
        for (Operation& op : batch) {
            op.ok = false;
            op.sequence = 0;
            op.page.clear();
            op.begun = {
                .what = Begin::failed, .row = 0, .result = {}, .problem = problem.text, .code = problem.code};
            if (op.kind == Operation::Kind::begin) tell_what_is_known(op);
            if (op.kind == Operation::Kind::finish) store->owe(std::move(op.result));
            if (op.kind == Operation::Kind::undelivered) {
                try {
                    op.page = store->undelivered(op.caller, op.after, op.most);
                } catch (const std::exception&) {} // an empty page: asked again with the next connection
            }
        }
    }

    void tell(std::vector<Operation> batch)
    {
        asio::post(main, [this, batch = std::make_shared<std::vector<Operation>>(std::move(batch)),
                          weak = std::weak_ptr{alive}] {
            for (Operation& op : *batch) {
                if (weak.expired()) return; // a continuation ended the journal
                if (op.kind == Operation::Kind::begin) no_longer_waits(op.caller);
                op.tell();
            }
        });
    }

    // ---- main thread

    // One caller may have half of the queue, where others share it.
    bool takes_begin(std::string_view caller)
    {
        const auto at = begins.find(caller);
        const std::size_t mine = at == begins.end() ? 0 : at->second;
        const std::size_t all = waiting.load(std::memory_order_relaxed);
        const bool fits = sharing > 1
                              ? mine < std::max<std::size_t>(1, options.queue / 2) && all < options.queue * 2
                              : all < options.queue;
        if (fits) ++(at == begins.end() ? begins[std::string{caller}] : at->second);
        return fits;
    }

    void no_longer_waits(const std::string& caller)
    {
        const auto at = begins.find(caller);
        if (at != begins.end() && --at->second == 0) begins.erase(at);
    }
};

Journal::Journal(asio::any_io_executor main, Options options)
    : impl_{std::make_unique<Impl>(std::move(main), std::move(options))}
{}
Journal::~Journal() = default;

void Journal::begin(std::string_view caller, std::string_view id, const Digest& digest,
                    std::string_view action, std::function<void(Begun)> done, bool by_operator)
{
    Operation op{.kind = Operation::Kind::begin,
                 .caller = std::string{caller},
                 .id = std::string{id},
                 .action = std::string{action},
                 .digest = digest,
                 .by_operator = by_operator,
                 .on_begun = std::move(done)};
    if (impl_->takes_begin(caller)) return impl_->push(std::move(op));
    impl_->full.fetch_add(1, std::memory_order_relaxed);
    asio::post(impl_->main, [on_begun = std::move(op.on_begun), weak = std::weak_ptr{impl_->alive}] {
        if (!weak.expired())
            on_begun({.what = Begin::full,
                      .row = 0,
                      .result = {},
                      .problem = "too many commands wait for the disk",
                      .code = {}});
    });
}

void Journal::rerun(std::uint64_t row, std::function<void(std::uint64_t)> done)
{
    impl_->push({.kind = Operation::Kind::rerun, .result = {.row = row}, .on_rerun = std::move(done)});
}

void Journal::finish(std::uint64_t row, const wire::Result& r, std::function<void(bool, std::uint64_t)> done,
                     bool changed_nothing)
{
    Operation op{.kind = Operation::Kind::finish, .result = owned(row, r), .on_finished = std::move(done)};
    op.result.changed_nothing = changed_nothing;
    impl_->push(std::move(op));
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

void Journal::share_among(std::vector<std::string> callers)
{
    impl_->sharing = callers.size();
    impl_->push({.kind = Operation::Kind::share, .callers = std::move(callers)});
}

std::optional<base::DiskTrouble> Journal::trouble() const
{
    const std::lock_guard lock{impl_->mutex};
    return impl_->trouble;
}

JournalStats Journal::stats() const
{
    const std::int64_t since = impl_->working_since;
    return {.rows = impl_->rows,
            .undelivered = impl_->undelivered,
            .commits = impl_->commits,
            .waiting = impl_->waiting,
            .rows_most = impl_->options.rows,
            .bytes = impl_->bytes,
            .full = impl_->full,
            .failures = impl_->failures,
            .result_bytes = impl_->result_bytes,
            .result_bytes_most = impl_->options.bytes,
            .working =
                std::chrono::nanoseconds{since == 0 ? 0 : std::max<std::int64_t>(0, steady_ns() - since)}};
}

} // namespace agenthost::host
