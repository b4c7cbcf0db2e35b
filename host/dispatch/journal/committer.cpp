#include "committer.hpp"

#include "base/sqlite.hpp"

#include <exception>

namespace agenthost::host {

Committer::Committer(const Journal::Options& options, JournalStore& store, DiskWatch& disk)
    : file_{options.file.string()}, clock_{options.clock}, store_{store}, disk_{disk}
{
    publish();
}

std::int64_t Committer::now() const
{
    return std::chrono::duration_cast<std::chrono::seconds>(clock_().time_since_epoch()).count();
}

void Committer::publish()
{
    rows_.store(store_.rows(), std::memory_order_relaxed);
    undelivered_.store(store_.undelivered_rows(), std::memory_order_relaxed);
    result_bytes_.store(store_.bytes(), std::memory_order_relaxed);
}

bool Committer::due(bool last) const { return store_.brief_due(now()) || (last && store_.owes()); }

void Committer::commit(JournalQueue::Batch& batch)
{
    if (disk_.current()) disk_.look_for_the_end();
    if (auto problem = attempt(batch)) {
        failures_.fetch_add(1, std::memory_order_relaxed);
        disk_.failed(*problem);
        if (problem->code == "DISK_FULL" && disk_.release_reserve()) problem = attempt(batch);
        if (problem) refuse(batch.operations, *problem);
    }
    publish();
}

std::optional<base::DiskTrouble> Committer::attempt(JournalQueue::Batch& batch)
{
    const auto at = now();
    try {
        store_.open_transaction();
        if (store_.owes()) store_.pay(at);
        for (Operation& op : batch.operations) apply(op, at);
        for (const auto row : batch.delivered) store_.delivered(row);
        if (store_.brief_due(at)) store_.expire_brief(at);
        store_.commit();
        commits_.fetch_add(1, std::memory_order_relaxed);
        return std::nullopt;
    } catch (const base::SqliteError& e) {
        store_.roll_back();
        return base::disk_trouble(e, file_, DiskWatch::remedy);
    } catch (const std::exception& e) {
        store_.roll_back();
        return base::DiskTrouble{"INTERNAL", file_ + ": " + e.what() + "."};
    }
}

void Committer::apply(Operation& op, std::int64_t now)
{
    const auto& trouble = disk_.current();
    switch (op.kind) {
    case Operation::Kind::begin:
        op.begun = store_.begin(op.caller, op.id, op.digest, op.action, now, !trouble || op.by_operator);
        if (op.begun.what == Journal::Begin::failed && trouble) {
            op.begun.problem = trouble->text;
            op.begun.code = trouble->code;
        }
        if (op.begun.what == Journal::Begin::full) count_full();
        break;
    case Operation::Kind::rerun: op.sequence = store_.rerun(op.result.row); break;
    case Operation::Kind::finish:
        op.sequence = store_.finish(op.result, now);
        op.ok = true;
        break;
    case Operation::Kind::replace: store_.replace_result(op.result); break;
    case Operation::Kind::undelivered: op.page = store_.undelivered(op.caller, op.after, op.max_rows); break;
    case Operation::Kind::expire: store_.expire(now); break;
    case Operation::Kind::share: store_.share_among(op.callers); break;
    }
}

// Marks of delivery are not remembered: the peer recognizes a second delivery by its id.
void Committer::refuse(std::vector<Operation>& operations, const base::DiskTrouble& problem)
{
    for (Operation& op : operations) {
        op.ok = false;
        op.sequence = 0;
        op.page.clear();
        op.begun = {.what = Journal::Begin::failed,
                    .row = 0,
                    .result = {},
                    .problem = problem.text,
                    .code = problem.code};
        switch (op.kind) {
        case Operation::Kind::begin: read_begin(op); break;
        case Operation::Kind::finish: store_.owe(std::move(op.result)); break;
        case Operation::Kind::undelivered: read_page(op); break;
        default: break;
        }
    }
}

// Reading needs no space on the disk.
void Committer::read_begin(Operation& op)
{
    try {
        auto known = store_.begin(op.caller, op.id, op.digest, op.action, now(), false);
        if (known.what != Journal::Begin::failed) op.begun = std::move(known);
    } catch (const std::exception&) {
        // It cannot be read either: the begin stays refused.
    }
}

void Committer::read_page(Operation& op)
{
    try {
        op.page = store_.undelivered(op.caller, op.after, op.max_rows);
    } catch (const std::exception&) {
        // An empty page: the next connection asks again.
    }
}

void Committer::add_to(JournalStats& stats) const
{
    stats.rows = rows_;
    stats.undelivered = undelivered_;
    stats.commits = commits_;
    stats.full = full_;
    stats.failures = failures_;
    stats.result_bytes = result_bytes_;
}

} // namespace agenthost::host
