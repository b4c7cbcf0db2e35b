#include "machine.hpp"

#include "condition.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::printer::job {

using std::chrono::milliseconds;

namespace {

constexpr unsigned patience = 2; // queries without an answer until the printer counts as one that gives none
// All four: what an earlier report said of errors ends only with the answer to its own question.
constexpr std::array questions{Question::realtime_printer, Question::realtime_offline,
                               Question::realtime_error, Question::realtime_paper};

Bytes bytes_of(const std::string& text, std::size_t from, std::size_t to)
{
    return {reinterpret_cast<const std::uint8_t*>(text.data()) + from, to - from};
}

} // namespace

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
    if (current_) return;
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
    current_->doubt_sent = current_->doubt_stored = ticket->progress.doubt;
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
    if (progress().taken == 0 && can_look() && silent_ < patience) return query(actions);
    arm(now, actions);
}

void Machine::opened(bool can_read, Time now, Actions& actions)
{
    link_ = true;
    can_read_ = can_read;
    backoff_ = limits_.backoff;
    answers_ = {};
    phase_ = Phase::idle;
    if (!current_) return next(now, actions);
    if (current_->cancelled) return abandon(now, actions);
    begin(now, actions);
}

void Machine::open_failed(const OpenError& error, Time now, Actions& actions)
{
    using Kind = OpenError::Kind;
    const auto trouble = [&] {
        switch (error.kind) {
        case Kind::not_found: return Trouble::absent;
        case Kind::denied: return Trouble::denied;
        case Kind::busy:
        case Kind::refused: return Trouble::busy;
        case Kind::unreachable: return Trouble::unreachable;
        case Kind::unsupported: return Trouble::unsupported;
        }
        return Trouble::unreachable;
    }();
    set_condition({trouble, error.message}, actions);
    phase_ = Phase::idle;
    if (!current_) return next(now, actions);
    if (current_->cancelled) return abandon(now, actions);
    if (current_->restored && now >= current_->deadline) return settle(now, actions);
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

void Machine::query(Actions& actions)
{
    if (phase_ != Phase::proving && phase_ != Phase::draining) go(Phase::querying, actions);
    answers_.forget_questions();
    asking_ = true;
    buffer_.clear();
    const auto ask = [this](Question question) {
        answers_.asked(question);
        for (const std::uint8_t byte : command(question)) buffer_ += static_cast<char>(byte);
    };
    for (const Question question : questions) ask(question);
    if (phase_ == Phase::draining) ask(Question::paper_sensor);
    sent_ = 0;
    write(Part::query, actions);
}

void Machine::judge(Time now, Actions& actions)
{
    asking_ = false;
    silent_ = 0;
    const Condition condition = condition_of(answers_.status());
    set_condition(condition, actions);
    const bool good = condition.trouble == Trouble::none;
    look_ = good ? limits_.look : std::min(look_ * 2, limits_.max_look);
    if (phase_ == Phase::querying) return good ? arm(now, actions) : go(Phase::held, actions, look_);
    if (phase_ == Phase::draining) return good ? commit_now(actions) : go(Phase::draining, actions, look_);
    // A printer without paper proves nothing for hours; its time begins when it has some.
    if (!good) current_->deadline = now + proof_time();
    if (good && !can_prove()) {
        current_->answered = true;
        return finish(std::nullopt, actions);
    }
    go(Phase::proving, actions, look_);
}

// ---- the row, the bytes ----

void Machine::commit(State state, Actions& actions)
{
    progress().state = state;
    current_->doubt_sent = progress().doubt;
    ++current_->commits;
    actions.push_back(act::Commit{current_->ticket.id, progress()});
}

void Machine::arm(Time now, Actions& actions)
{
    const bool armed = progress().state != State::queued && current_->stored != State::queued;
    if (armed && !doubt_unsaved() && current_->commits == 0) return resume(now, actions);
    go(Phase::arming, actions);
    if (current_->commits == 0) commit(std::max(progress().state, State::armed), actions);
}

// A process that starts after this one must know that a confirmation does not prove the beginning.
bool Machine::doubt_unsaved() const
{
    return current_->ticket.progress.doubt == Doubt::away && current_->doubt_stored != Doubt::away;
}

void Machine::committed(JobId id, const std::optional<Problem>& problem, Time now, Actions& actions)
{
    if (current_ && current_->ticket.id == id) {
        if (--current_->commits > 0) return;
        if (!problem) {
            current_->stored = progress().state;
            current_->doubt_stored = current_->doubt_sent;
        }
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
    if (current_->stored == State::queued || doubt_unsaved()) return arm(now, actions);
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
    if (!dirty_ || cleaned_) return write(Part::body, actions);
    buffer_ = cleanup_bytes(*dirty_, options_.model.commit == Commit::page, options_.model.clear_buffer);
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
    if (now_at.taken == 0) current_->marked_at = now;
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
    if (!can_look() || silent_ >= patience || !answers_in_order_ || !between_commands)
        return commit_now(actions);
    go(Phase::draining, actions);
    query(actions);
}

void Machine::drain_overdue(Actions& actions)
{
    if (!asking_) return query(actions); // it had a fault
    asking_ = false;
    if (answers_.realtime_outstanding() == 0) {
        Condition condition = condition_of(answers_.status());
        const bool good = condition.trouble == Trouble::none;
        set_condition(std::move(condition), actions);
        if (!good) return go(Phase::draining, actions, look_);
        answers_in_order_ = false;
        return commit_now(actions);
    }
    if (++silent_ < patience) return query(actions);
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
    if (part_ != Part::query) progress().doubt = std::max(progress().doubt, Doubt::unconfirmed);
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

// ---- the proof ----

void Machine::begin_proof(Time now, Actions& actions)
{
    // The job itself may end inside a command, which would swallow the request and the next receipt.
    const auto missing = std::min<std::uint64_t>(tracker_->missing(), max_filler);
    buffer_.assign(static_cast<std::size_t>(missing), '\0');
    if (can_prove())
        for (const std::uint8_t byte : confirmation_request(process_id(current_->ticket.id)))
            buffer_ += static_cast<char>(byte);
    sent_ = 0;
    part_ = Part::proof;
    if (buffer_.empty()) return proof_requested(now, actions);
    go(Phase::writing, actions);
    write(Part::proof, actions);
}

// From here a restart knows that the printer has everything, or that it may send its proof.
void Machine::proof_requested(Time now, Actions& actions)
{
    current_->proof_sent = true;
    if (can_prove() || options_.continues) commit(State::sent, actions);
    await_proof(now, actions);
}

void Machine::await_proof(Time now, Actions& actions)
{
    if (current_->proved || !can_read_) return finish(std::nullopt, actions);
    current_->deadline = now + proof_time();
    if (can_prove()) return go(Phase::proving, actions, look_);
    if (!can_look() || silent_ >= patience) return finish(std::nullopt, actions);
    go(Phase::proving, actions);
    query(actions);
}

void Machine::proof_overdue(Time now, Actions& actions)
{
    if (asking_) { // no answer
        asking_ = false;
        ++silent_;
        if (!can_prove()) return finish(std::nullopt, actions);
    }
    if (now >= current_->deadline && condition_.trouble == Trouble::none)
        return finish(std::nullopt, actions);
    if (can_look() && silent_ < patience) return query(actions);
    if (now >= current_->deadline) return finish(std::nullopt, actions);
    go(Phase::proving, actions, look_);
}

void Machine::finish(std::optional<Verdict> verdict, Actions& actions)
{
    current_->verdict = std::move(verdict);
    go(Phase::finishing, actions);
    actions.push_back(act::Finish{});
}

Machine::Verdict Machine::verdict() const
{
    const Doubt doubt = current_->ticket.progress.doubt;
    if (doubt == Doubt::away)
        return {Outcome::unknown,
                problem(code::outcome_unknown,
                        "The printer was away in the middle of the job and took the rest when it was back; "
                        "if it was without power, the beginning is missing on the receipt")};
    if (current_->proved) return {Outcome::printed, {}};
    if (can_prove())
        return {Outcome::unknown,
                problem(code::outcome_unknown,
                        "The printer took the job, but did not confirm that it is printed")};
    if (doubt != Doubt::none)
        return {Outcome::unknown, problem(code::outcome_unknown,
                                          "The connection to the printer broke in the middle of the job, and "
                                          "nothing confirms that all of it was printed")};
    return {Outcome::sent, {}};
}

void Machine::finished(bool clean, Time now, Actions& actions)
{
    if (!current_ || phase_ != Phase::finishing) return;
    if (clean)
        arrived(actions);
    else
        lost_tail(actions);
    const Verdict found = current_->verdict ? *current_->verdict : verdict();
    if (!options_.keep_open) close(actions);
    if (found.outcome == Outcome::printed || found.outcome == Outcome::sent) set_condition({}, actions);
    end(found, now, actions);
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
    const ProcessId own = process_id(current_->ticket.id);
    if (std::ranges::find(confirmed, own) != confirmed.end()) current_->proved = true;
    if (current_->proved && phase_ == Phase::listening) return settle(now, actions);
    if (current_->proved && phase_ == Phase::proving && !writing_) return finish(std::nullopt, actions);
    const bool awaited = phase_ == Phase::querying || phase_ == Phase::draining || phase_ == Phase::proving;
    if (asking_ && awaited && answers_.outstanding() == 0 && !writing_) judge(now, actions);
}

void Machine::port_status(std::optional<std::uint8_t> status, Time, Actions& actions)
{
    if (!status || !current_ || !writing_) return;
    Condition condition = condition_of_port(*status);
    if (condition.trouble != Trouble::none) set_condition(std::move(condition), actions);
}

void Machine::timer(Time now, Actions& actions)
{
    timed_ = false;
    if (!current_) return;
    switch (phase_) {
    case Phase::waiting: return begin(now, actions);
    case Phase::listening: return settle(now, actions);
    case Phase::held: return query(actions);
    case Phase::querying: // no answer
        asking_ = false;
        ++silent_;
        return silent_ < patience ? query(actions) : arm(now, actions);
    case Phase::pausing: go(Phase::writing, actions); return write(part_, actions);
    case Phase::draining: return drain_overdue(actions);
    case Phase::proving: return proof_overdue(now, actions);
    case Phase::arming: return commit(std::max(progress().state, State::armed), actions);
    case Phase::committing: return commit(State::committing, actions);
    default: return;
    }
}

bool Machine::whole() const { return current_->ticket.progress.taken >= current_->ticket.size; }

bool Machine::can_look() const { return can_read_ && options_.model.realtime_status; }

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
