// What the printer is asked: how it is, and whether the job is on paper.
#include "condition.hpp"
#include "machine.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::printer::job {

using std::chrono::milliseconds;

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
    for (const Question question : status_questions) ask(question);
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

void Machine::ask_port(Actions& actions)
{
    asking_port_ = true;
    const bool waits = phase_ == Phase::proving || phase_ == Phase::draining;
    go(waits ? phase_ : Phase::querying, actions, limits_.answer);
    actions.push_back(act::AskPort{});
}

// The time for an answer, or until the next look, is over.
void Machine::waited(Time now, Actions& actions)
{
    if (std::exchange(asking_port_, false)) return unanswered(std::nullopt, now, actions);
    if (!std::exchange(asking_, false))
        return phase_ == Phase::proving ? proof_overdue(now, actions) : query(actions);
    if (phase_ == Phase::draining && answers_.realtime_outstanding() == 0) return drain_unanswered(actions);
    if (options_.continues) return ask_port(actions);
    unanswered(std::nullopt, now, actions);
}

// Nothing answered a query, or nothing could. Of the port only paper counts: simple printers leave its other
// bits as they are.
void Machine::unanswered(std::optional<std::uint8_t> port, Time now, Actions& actions)
{
    Condition condition = port ? condition_of_port(*port) : Condition{};
    if (condition.trouble == Trouble::paper_out) {
        silent_ = 0;
        set_condition(std::move(condition), actions);
        look_ = std::min(look_ * 2, limits_.max_look);
        if (phase_ == Phase::proving) current_->deadline = now + proof_time();
        return go(phase_ == Phase::querying ? Phase::held : phase_, actions, look_);
    }
    ++silent_;
    if (phase_ == Phase::draining) return drain_unanswered(actions);
    if (phase_ == Phase::proving)
        return can_prove() ? proof_overdue(now, actions) : finish(std::nullopt, actions);
    return can_look() && silent_ < limits_.patience ? query(actions) : arm(now, actions);
}

void Machine::begin_proof(Time now, Actions& actions)
{
    // The job itself may end inside a command, which would swallow the request and the next receipt.
    const auto missing = std::min<std::uint64_t>(tracker_->missing(), max_filler);
    buffer_.assign(static_cast<std::size_t>(missing), '\0');
    if (can_prove())
        for (const std::uint8_t byte : confirmation_request(confirmation()))
            buffer_ += static_cast<char>(byte);
    sent_ = 0;
    part_ = Part::proof;
    if (buffer_.empty()) return proof_requested(now, actions);
    current_->proof_begun = true;
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
    if (!can_look() || silent_ >= limits_.patience) return finish(std::nullopt, actions);
    go(Phase::proving, actions);
    query(actions);
}

void Machine::proof_overdue(Time now, Actions& actions)
{
    if (now >= current_->deadline && condition_.trouble == Trouble::none)
        return finish(std::nullopt, actions);
    if (can_look() && silent_ < limits_.patience) return query(actions);
    if (now >= current_->deadline) return finish(std::nullopt, actions);
    go(Phase::proving, actions, look_);
}

// A job that is on paper has ended, whatever becomes of its link. Nothing is in flight that closing it could lose,
// so a network printer that keeps its connection open does not hold the next job either.
void Machine::finish(std::optional<Verdict> verdict, Actions& actions)
{
    current_->verdict = std::move(verdict);
    if (!current_->verdict && current_->proved) {
        arrived(actions);
        set_condition({}, actions);
        leave(this->verdict(), actions);
    }
    const bool bounded = !current_ && !options_.keep_open;
    go(Phase::finishing, actions, bounded ? std::optional{limits_.farewell} : std::nullopt);
    actions.push_back(act::Finish{});
}

Machine::Verdict Machine::verdict() const
{
    if (current_->proved) return {Outcome::printed, {}};
    if (can_prove())
        return {Outcome::unknown,
                problem(code::outcome_unknown,
                        "The printer took the job, but did not confirm that it is printed")};
    if (current_->ticket.progress.doubt)
        return {Outcome::unknown, problem(code::outcome_unknown,
                                          "The connection to the printer broke in the middle of the job, and "
                                          "nothing confirms that all of it was printed")};
    return {Outcome::sent, {}};
}

void Machine::finished(bool clean, Time now, Actions& actions)
{
    if (phase_ != Phase::finishing) return;
    if (!current_) {
        if (!options_.keep_open) close(actions);
        phase_ = Phase::idle;
        return next(now, actions);
    }
    if (clean)
        arrived(actions);
    else
        lost_tail(actions);
    const Verdict found = current_->verdict ? *current_->verdict : verdict();
    if (!options_.keep_open) close(actions);
    if (found.outcome == Outcome::printed || found.outcome == Outcome::sent) set_condition({}, actions);
    end(found, now, actions);
}

} // namespace agenthost::printer::job
