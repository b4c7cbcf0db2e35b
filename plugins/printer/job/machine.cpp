#include "machine.hpp"

#include "condition.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::printer::job {

using std::chrono::milliseconds;

Machine::Machine(Options options, std::unique_ptr<CommandTracker> tracker, Limits limits)
    : options_{std::move(options)}, limits_{limits}, tracker_{std::move(tracker)}, queue_{options_.queue},
      backoff_{limits.backoff}, look_{limits.look}
{}

void Machine::restore(std::vector<Ticket> tickets, std::optional<std::uint64_t> dirty)
{
    dirty_ = dirty;
    for (Ticket& ticket : tickets) {
        if (ticket.progress.state == State::queued)
            queue_.add(std::move(ticket));
        else
            restored_.push_back(std::move(ticket));
    }
}

void Machine::start(Time now, Actions& actions)
{
    started_ = true;
    next(now, actions);
}

void Machine::add(Ticket ticket, Content content, Time now, Actions& actions)
{
    if (queue_.empty()) {
        next_content_ = std::move(content);
        next_content_id_ = ticket.id;
    }
    queue_.add(std::move(ticket));
    actions.push_back(act::Changed{});
    if (started_ && !current_) next(now, actions);
}

bool Machine::cancel(JobId id, Time now, Actions& actions)
{
    if (auto ticket = queue_.remove(id)) {
        file(*ticket, 0, {Outcome::not_started, problem(code::cancelled, "The job was cancelled")}, actions);
        return true;
    }
    if (!current_ || current_->ticket.id != id || current_->restored || whole() || current_->verdict)
        return false;
    if (current_->cancelled) return true;
    current_->cancelled = true;
    if (writing_)
        actions.push_back(act::CancelWrite{});
    else if (current_->commits == 0 && phase_ != Phase::recovering)
        abandon(now, actions);
    return true;
}

bool Machine::ending(JobId id) const
{
    if (current_ && current_->ticket.id == id) return current_->cancelled || current_->verdict.has_value();
    return std::ranges::find(ending_, id, &Finished::id) != ending_.end();
}

void Machine::wake(Time now, Actions& actions)
{
    if (phase_ != Phase::waiting) return;
    backoff_ = limits_.backoff;
    begin(now, actions);
}

// ---- what comes next ----

void Machine::go(Phase phase, Actions& actions, std::optional<milliseconds> timer)
{
    phase_ = phase;
    if (timer)
        actions.push_back(act::Timer{*timer});
    else if (timed_)
        actions.push_back(act::StopTimer{});
    timed_ = timer.has_value();
}

void Machine::next(Time now, Actions& actions)
{
    if (current_ || phase_ == Phase::finishing) return;
    std::optional<Ticket> ticket;
    const bool restored = !restored_.empty();
    if (restored) {
        ticket = std::move(restored_.front());
        restored_.erase(restored_.begin());
    } else {
        ticket = queue_.take();
    }
    if (!ticket) {
        if (phase_ == Phase::opening) return; // opened() decides
        if (link_ && !options_.keep_open) close(actions);
        return go(Phase::idle, actions);
    }
    current_.emplace(Current{}); // clang cannot construct it in place
    current_->stored = ticket->progress.state;
    current_->restored = current_->earlier = restored;
    current_->deadline = now + limits_.restart;
    if (ticket->id == next_content_id_) current_->content = std::exchange(next_content_, nullptr);
    current_->ticket = std::move(*ticket);
    stalls_ = 0;
    actions.push_back(act::Changed{});
    if (phase_ != Phase::opening) begin(now, actions);
}

// Brings the current job as far as it goes: its content, a link, a look at the printer, its row, its bytes.
void Machine::begin(Time now, Actions& actions)
{
    if (!current_->content) {
        go(Phase::loading, actions);
        actions.push_back(act::Load{current_->ticket.id});
        return;
    }
    if (current_->restored && !can_prove()) return settle(now, actions);
    if (!link_) {
        go(Phase::opening, actions);
        actions.push_back(act::Open{});
        return;
    }
    if (current_->restored)
        return go(Phase::listening, actions, progress().state == State::sent ? proof_time() : limits_.stored);
    // A look in the middle of a job could become part of an image.
    if (progress().taken > 0) return arm(now, actions);
    if (can_look() && silent_ < limits_.patience) return query(actions);
    if (options_.continues) return ask_port(actions);
    arm(now, actions);
}

void Machine::opened(bool can_read, std::uint64_t device, Time now, Actions& actions)
{
    const bool was_away = device != device_ && device_has_bytes();
    device_ = device;
    link_ = true;
    can_read_ = can_read;
    backoff_ = limits_.backoff;
    answers_ = {};
    phase_ = Phase::idle;
    if (!current_) return next(now, actions);
    if (current_->cancelled) return abandon(now, actions);
    if (was_away) return lost(now, actions);
    begin(now, actions);
}

// Whether bytes of the current job are at the device of the last link, and the job would go on there.
bool Machine::device_has_bytes() const
{
    return options_.continues && current_ && !current_->restored && current_->ticket.progress.taken > 0;
}

void Machine::open_failed(const OpenError& error, Time now, Actions& actions)
{
    const Trouble trouble = trouble_of(error.kind);
    set_condition({trouble, error.message}, actions);
    phase_ = Phase::idle;
    if (!current_) return next(now, actions);
    if (current_->cancelled) return abandon(now, actions);
    if (current_->restored && now >= current_->deadline) return settle(now, actions);
    if (trouble == Trouble::absent && device_has_bytes()) return lost(now, actions);
    // A device that is not there announces itself; the others have to be tried.
    const bool announced =
        options_.continues && (trouble == Trouble::absent || trouble == Trouble::unsupported);
    wait_to_open(actions, !announced || current_->restored);
}

void Machine::wait_to_open(Actions& actions, bool timed)
{
    if (!timed) return go(Phase::waiting, actions);
    go(Phase::waiting, actions, backoff_);
    backoff_ = std::min(backoff_ * 2, limits_.max_backoff);
}

void Machine::loaded(JobId id, Content content, Time now, Actions& actions)
{
    if (!current_ || current_->ticket.id != id || phase_ != Phase::loading) return;
    current_->content = std::move(content);
    begin(now, actions);
}

void Machine::load_failed(JobId id, Problem why, Time now, Actions& actions)
{
    if (!current_ || current_->ticket.id != id || phase_ != Phase::loading) return;
    if (current_->restored) {
        current_->content = std::make_shared<const std::string>();
        return begin(now, actions);
    }
    end({Outcome::not_started, std::move(why)}, now, actions);
}

void Machine::gone(const std::string& detail, Time now, Actions& actions)
{
    if (link_) broken(detail, now, actions);
}

void Machine::received(Bytes bytes, Time now, Actions& actions)
{
    const Status before = answers_.status();
    answers_.feed(bytes);
    const auto confirmed = answers_.take_confirmed();
    (void)answers_.take_texts();
    if (!current_) return;
    // Automatic status comes at any time.
    if (phase_ == Phase::writing && !asking_ && before != answers_.status())
        set_condition(condition_of(answers_.status()), actions);
    // Before the request is written an answer to it cannot be: the data of a job has asked with this id. While
    // it is written, its answer may be faster than the report that it was written.
    const bool asked = current_->restored || current_->proof_begun;
    if (asked && std::ranges::find(confirmed, confirmation()) != confirmed.end()) current_->proved = true;
    if (current_->proved && phase_ == Phase::listening) return settle(now, actions);
    if (current_->proved && phase_ == Phase::proving && !writing_) return finish(std::nullopt, actions);
    const bool awaited = phase_ == Phase::querying || phase_ == Phase::draining || phase_ == Phase::proving;
    if (asking_ && awaited && answers_.outstanding() == 0 && !writing_) judge(now, actions);
}

void Machine::port_status(std::optional<std::uint8_t> status, Time now, Actions& actions)
{
    if (std::exchange(asking_port_, false)) return unanswered(status, now, actions);
    if (!status || !current_ || !writing_) return;
    Condition condition = condition_of_port(*status);
    if (condition.trouble != Trouble::none) set_condition(std::move(condition), actions);
}

void Machine::timer(Time now, Actions& actions)
{
    timed_ = false;
    if (!current_) return finished(false, now, actions);
    switch (phase_) {
    case Phase::waiting: return begin(now, actions);
    case Phase::listening: return settle(now, actions);
    case Phase::held: return begin(now, actions);
    case Phase::querying:
    case Phase::draining:
    case Phase::proving: return waited(now, actions);
    case Phase::pausing: go(Phase::writing, actions); return write(part_, actions);
    case Phase::arming: return commit(std::max(progress().state, State::armed), actions);
    case Phase::committing: return commit(State::committing, actions);
    default: return;
    }
}

bool Machine::at_rest() const
{
    return phase_ == Phase::idle && !current_ && !link_ && queue_.empty() && !queue_.expects() &&
           restored_.empty() && ending_.empty() && !dirty_;
}

bool Machine::whole() const { return current_->ticket.progress.taken >= current_->ticket.size; }

bool Machine::can_look() const { return can_read_ && options_.model.realtime_status; }

ProcessId Machine::confirmation() const
{
    return process_id(options_.first_confirmation + current_->ticket.id);
}

milliseconds Machine::proof_time() const
{
    return limits_.proof + milliseconds{current_->ticket.size * 1'000 / limits_.slowest};
}

// Until a query counts as not answered.
milliseconds Machine::answer_time() const
{
    if (phase_ != Phase::draining) return limits_.answer;
    return limits_.answer + milliseconds{current_->ticket.size * 1'000 / limits_.drain};
}

void Machine::set_condition(Condition condition, Actions& actions)
{
    if (condition == condition_) return;
    condition_ = std::move(condition);
    actions.push_back(act::Changed{});
}

} // namespace agenthost::printer::job
