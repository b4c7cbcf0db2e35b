// The job's row on the disk, and its bytes.
#include "condition.hpp"
#include "machine.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::printer::job {

using std::chrono::milliseconds;

namespace {

Bytes bytes_of(const std::string& text, std::size_t from, std::size_t to)
{
    return {reinterpret_cast<const std::uint8_t*>(text.data()) + from, to - from};
}

} // namespace

void Machine::commit(State state, Actions& actions)
{
    progress().state = state;
    ++current_->commits;
    actions.push_back(act::Commit{current_->ticket.id, progress()});
}

void Machine::arm(Time now, Actions& actions)
{
    const bool armed = progress().state != State::queued && current_->stored != State::queued;
    if (armed && current_->commits == 0) return resume(now, actions);
    go(Phase::arming, actions);
    if (current_->commits == 0) commit(std::max(progress().state, State::armed), actions);
}

void Machine::committed(JobId id, const std::optional<Problem>& problem, Time now, Actions& actions)
{
    if (current_ && current_->ticket.id == id) {
        if (--current_->commits > 0) return;
        if (!problem) current_->stored = progress().state;
        if (problem)
            set_condition({Trouble::disk, problem->message}, actions);
        else if (condition_.trouble == Trouble::disk)
            set_condition({}, actions);
        return commit_done(!problem, now, actions);
    }
    const auto found = std::ranges::find(ending_, id, &Finished::id);
    if (found == ending_.end() || --found->commits > 0) return;
    actions.push_back(act::Ended{id, std::move(found->progress)});
    ending_.erase(found);
}

void Machine::commit_done(bool good, Time now, Actions& actions)
{
    if (phase_ != Phase::arming && phase_ != Phase::committing) {
        if (current_->cancelled && !writing_ && phase_ == Phase::waiting) abandon(now, actions);
        return;
    }
    if (current_->cancelled) return abandon(now, actions);
    if (!good) return go(phase_, actions, look_);
    // A run that ended meanwhile has stored its end: this is the next one.
    if (current_->stored == State::queued) return arm(now, actions);
    resume(now, actions);
}

// Goes on at the byte that comes next.
void Machine::resume(Time now, Actions& actions)
{
    if (current_->proof_sent) return await_proof(now, actions);
    go(Phase::writing, actions);
    if (whole()) {
        if (part_ == Part::proof && sent_ < buffer_.size()) return write(Part::proof, actions);
        return begin_proof(now, actions);
    }
    if (progress().taken > 0) return write(Part::body, actions);
    tracker_->reset();
    const bool of_another = last_server_ && *last_server_ != current_->ticket.server;
    const bool dirty = dirty_ && !cleaned_;
    if (!dirty && !of_another) return write(Part::body, actions);
    buffer_ = dirty
                  ? cleanup_bytes(*dirty_, options_.model.commit == Commit::page, options_.model.clear_buffer)
                  : std::string{reset_bytes};
    sent_ = 0;
    write(Part::cleanup, actions);
}

Bytes Machine::rest() const
{
    if (part_ != Part::body) return bytes_of(buffer_, sent_, buffer_.size());
    const auto from = static_cast<std::size_t>(current_->ticket.progress.taken);
    return bytes_of(*current_->content, from, static_cast<std::size_t>(write_limit()));
}

std::uint64_t Machine::write_limit() const
{
    constexpr std::size_t tenth = 10, least = 64;
    const Ticket& ticket = current_->ticket;
    const bool barrier = ticket.commit_at > 0 && ticket.progress.state == State::armed;
    const std::uint64_t end = barrier ? std::min(ticket.commit_at, ticket.size) : ticket.size;
    const std::size_t piece =
        options_.model.pacing == 0 ? limits_.write_bytes : std::max(options_.model.pacing / tenth, least);
    return std::max(ticket.progress.taken, std::min(end, ticket.progress.taken + piece));
}

void Machine::write(Part part, Actions& actions)
{
    part_ = part;
    const Bytes bytes = rest();
    writing_ = true;
    actions.push_back(act::Write{bytes});
}

void Machine::take(std::size_t bytes, Time now, Actions& actions)
{
    if (bytes == 0) return;
    stalls_ = 0;
    if (part_ != Part::query && condition_.trouble != Trouble::none) set_condition({}, actions);
    if (part_ != Part::body) {
        sent_ += bytes;
        return;
    }
    tracker_->feed(rest().first(bytes));
    Progress& now_at = progress();
    if (now_at.taken == 0) {
        current_->marked_at = now;
        last_server_ = current_->ticket.server;
    }
    now_at.taken += bytes;
    if (now_at.taken - current_->marked < limits_.mark_bytes && now - current_->marked_at < limits_.mark)
        return;
    current_->marked = now_at.taken;
    current_->marked_at = now;
    actions.push_back(act::Mark{current_->ticket.id, now_at.taken});
}

void Machine::written(const Written& result, Time now, Actions& actions)
{
    writing_ = false;
    if (!current_) return;
    take(result.taken, now, actions);
    if (result.fault == Fault::gone) return broken(result.detail, now, actions);
    if (current_->cancelled && !whole()) return abandon(now, actions);
    if (result.fault == Fault::stalled) return stalled(result.detail, now, actions);
    if (rest().empty()) return after_part(now, actions);
    if (result.fault == Fault::no_progress) {
        actions.push_back(act::AskPort{});
        if (condition_.trouble == Trouble::none)
            set_condition({Trouble::no_progress,
                           "The printer takes no data. Look at its paper, cover and lamps; "
                           "the job goes on where it stopped."},
                          actions);
    } else if (options_.model.pacing > 0 && part_ == Part::body && result.taken > 0) {
        const auto time = milliseconds{result.taken * 1'000 / options_.model.pacing};
        return go(Phase::pausing, actions, time);
    }
    write(part_, actions);
}

void Machine::after_part(Time now, Actions& actions)
{
    switch (part_) {
    case Part::cleanup:
        cleaned_ = true;
        if (options_.continues) arrived(actions);
        tracker_->reset();
        return write(Part::body, actions);
    case Part::body:
        if (whole()) return begin_proof(now, actions);
        if (progress().state == State::armed && progress().taken == current_->ticket.commit_at)
            return drain(actions);
        return write(Part::body, actions);
    case Part::proof: return proof_requested(now, actions);
    case Part::query:
        if (answers_.outstanding() == 0) return judge(now, actions);
        return go(phase_, actions, answer_time());
    }
}

// What follows prints. From the row until its end nobody can say whether it did, so the row is written only
// when the printer has processed what came before and is ready.
void Machine::drain(Actions& actions)
{
    const bool between_commands = tracker_->missing() == 0;
    if (!can_look() || silent_ >= limits_.patience || !answers_in_order_ || !between_commands)
        return commit_now(actions);
    go(Phase::draining, actions);
    query(actions);
}

// Either it does not know the question that is answered in order, or it says nothing at all.
void Machine::drain_unanswered(Actions& actions)
{
    if (answers_.realtime_outstanding() == 0) {
        Condition condition = condition_of(answers_.status());
        const bool good = condition.trouble == Trouble::none;
        set_condition(std::move(condition), actions);
        if (!good) return go(Phase::draining, actions, look_);
        answers_in_order_ = false;
        return commit_now(actions);
    }
    if (silent_ < limits_.patience) return query(actions);
    commit_now(actions);
}

void Machine::commit_now(Actions& actions)
{
    go(Phase::committing, actions);
    commit(State::committing, actions);
}

void Machine::recovered(bool ok, Time now, Actions& actions)
{
    if (!current_ || phase_ != Phase::recovering) return;
    if (!ok) return broken("The endpoint stays halted", now, actions);
    // Clearing a halt may lose a packet.
    if (part_ != Part::query) progress().doubt = true;
    if (current_->cancelled) return abandon(now, actions);
    if (part_ == Part::query)
        go(whole() ? Phase::proving : progress().taken > 0 ? Phase::draining : Phase::querying, actions);
    else
        go(Phase::writing, actions);
    if (rest().empty()) return after_part(now, actions);
    write(part_, actions);
}

void Machine::stalled(const std::string& detail, Time now, Actions& actions)
{
    if (++stalls_ > limits_.stalls) {
        stalls_ = 0;
        broken("Its USB endpoint halts again and again" + (detail.empty() ? detail : " (" + detail + ")"),
               now, actions);
        if (current_)
            set_condition({Trouble::stalled, "The printer's USB endpoint halts again and again. Switch the "
                                             "printer off and on, and check its cable."},
                          actions);
        return;
    }
    go(Phase::recovering, actions);
    actions.push_back(act::Recover{});
}

} // namespace agenthost::printer::job
