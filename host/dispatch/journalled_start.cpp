#include "journalled_start.hpp"

namespace agenthost::host {

Digest JournalledStart::digest_of(const Action& action, const wire::Command& command)
{
    // The name and the target cannot contain a NUL, so it separates the three.
    sha_.update(action.name);
    sha_.update(std::string_view{"\0", 1});
    sha_.update(command.target);
    sha_.update(std::string_view{"\0", 1});
    sha_.update(command.params);
    return sha_.finish();
}

JournalledStart::Repeat JournalledStart::attach_repeat(const CallerRecord& record, std::string_view id,
                                                       const Digest& digest)
{
    const auto at = record.journalled.find(id);
    if (at == record.journalled.end()) return Repeat::no;
    Request& r = core_.slots.find(at->second)->request;
    if (r.digest != digest) return Repeat::id_reused;
    ++core_.stats.attached;
    // Even after a TIMEOUT, the repeat gets the result.
    r.answered = r.answer_taken = false;
    return Repeat::attached;
}

void JournalledStart::begin(Slot& slot, const wire::Command& command, const Digest& digest)
{
    Request& r = slot.request;
    r.digest = digest;
    r.params.assign(command.params);
    r.target.assign(command.target);
    requests_.keep(slot, command.id, command.action);
    r.caller->journalled.insert_or_assign(r.own_id, r.id);
    r.phase = Request::Phase::beginning;
    if (r.deadline != Clock::time_point::max()) core_.schedule.set_deadline(r.index, r.deadline);
    core_.journal.begin(*r.caller->name, r.own_id, r.digest, r.own_word,
                        core_.alive.guard([this, id = r.id](const Journal::Begun& result) {
                            if (Slot* found = core_.slots.find(id)) begun(*found, result);
                        }),
                        r.caller->policy().by_operator);
}

void JournalledStart::begun(Slot& slot, const Journal::Begun& b)
{
    using Begin = Journal::Begin;
    Request& r = slot.request;
    r.row = b.row;
    switch (b.what) {
    case Begin::fresh: return invocation_.invoke_kept(slot, 0);
    case Begin::finished: return replay(slot, b.result);
    case Begin::interrupted:
        return r.idempotent && !r.cancel_wanted && r.plugin ? run_again(slot) : replay(slot, b.result);
    case Begin::id_reused:
        return refuse(
            slot, wire::Outcome::error, code::id_reused, "id " + r.own_id + " was another command's",
            "Use a new id for every command; a repeat must have the same action and the same parameters.");
    case Begin::full:
        return refuse(slot, wire::Outcome::not_started, code::busy,
                      b.problem.empty()
                          ? "the journal is full: it holds as many results as journal.rows permits"
                          : b.problem,
                      "Send it again later, raise journal.rows or journal.bytes, or lower journal.keep.");
    // The row outlived its request; it ends with the process.
    case Begin::running:
        return refuse(slot, wire::Outcome::not_started, code::busy, "id " + r.own_id + " is being worked on",
                      "Ask again later.");
    case Begin::failed:
        // A person at this machine may be about to repair the disk, and has no session that repeats the
        // command.
        if (r.caller->policy().by_operator) return invocation_.invoke_kept(slot, 0);
        return refuse_for_disk(slot, base::DiskTrouble{b.code, b.problem});
    }
}

void JournalledStart::run_again(Slot& slot)
{
    core_.journal.rerun(slot.request.row, core_.alive.guard([this, id = slot.request.id](std::uint64_t row) {
        Slot* found = core_.slots.find(id);
        if (!found) return;
        found->request.row = row;
        if (row)
            invocation_.invoke_kept(*found, AGH_REQUEST_REPEAT);
        else
            refuse_for_disk(*found, core_.journal.trouble());
    }));
}

void JournalledStart::refuse_for_disk(Slot& slot, const std::optional<base::DiskTrouble>& trouble)
{
    refuse(slot, wire::Outcome::not_started,
           trouble && !trouble->code.empty() ? std::string_view{trouble->code} : code::internal,
           "the journal cannot be written, so nothing was done: " +
               (trouble ? trouble->text : std::string{"the disk refused"}),
           "Send it again when the disk of agent.state_dir can be written; `agenthost health` tells.");
}

// The journal has no row for the command, or keeps the existing one.
void JournalledStart::refuse(Slot& slot, wire::Outcome outcome, std::string_view code,
                             std::string_view message, std::string_view detail)
{
    ++core_.stats.refused;
    answer(slot,
           {.id = slot.request.wire_id,
            .outcome = outcome,
            .data = {},
            .error = {.code = code, .message = message, .detail = detail, .data = {}},
            .action = slot.request.word},
           0);
}

void JournalledStart::replay(Slot& slot, const StoredResult& stored)
{
    ++core_.stats.replayed;
    answer(slot,
           {.id = slot.request.wire_id,
            .outcome = stored.outcome,
            .data = stored.data,
            .error = {.code = stored.code,
                      .message = stored.message,
                      .detail = stored.detail,
                      .data = stored.error_data},
            .action = slot.request.word},
           stored.row);
}

void JournalledStart::answer(Slot& slot, const wire::Result& result, std::uint64_t row)
{
    Request& r = slot.request;
    // A cancel() inside on_result() comes too late.
    r.phase = Request::Phase::finishing;
    if (!r.answered) {
        CallerRecord& record = *r.caller;
        if (!record.caller || !record.tell([&](Caller& caller) { return caller.on_result(result, row); }))
            ++core_.stats.dropped_results;
        requests_.finished(r, result.outcome, result.error.code);
    }
    requests_.release(slot);
}

} // namespace agenthost::host
