// How jobs end, and what becomes of them when the connection breaks.
#include "machine.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::printer::job {

void Machine::end(Verdict verdict, Time now, Actions& actions)
{
    leave(std::move(verdict), actions);
    if (phase_ == Phase::finishing) phase_ = Phase::idle;
    next(now, actions);
}

void Machine::leave(Verdict verdict, Actions& actions)
{
    file(current_->ticket, current_->commits, std::move(verdict), actions);
    current_.reset();
    buffer_.clear();
    asking_ = asking_port_ = false;
}

void Machine::file(Ticket& ticket, unsigned commits, Verdict verdict, Actions& actions)
{
    ticket.progress.state = State::ended;
    ticket.progress.outcome = verdict.outcome;
    ticket.progress.problem = std::move(verdict.problem);
    ending_.push_back({ticket.id, ticket.progress, commits + 1});
    actions.push_back(act::Commit{ticket.id, ticket.progress});
    actions.push_back(act::Changed{});
}

// In plain mode each byte may print. A job of an earlier process has sent an unknown number.
bool Machine::may_have_printed() const
{
    const Ticket& ticket = current_->ticket;
    if (ticket.progress.state == State::queued) return false;
    if (ticket.commit_at == 0) return ticket.progress.taken > 0 || current_->earlier;
    if (current_->earlier) return ticket.progress.state != State::armed;
    return ticket.progress.taken > ticket.commit_at;
}

// The link is dead. What was taken stays taken; the question is what the next link leads to.
void Machine::broken(const std::string& why, Time now, Actions& actions)
{
    close(actions);
    if (!current_) {
        if (phase_ == Phase::finishing) phase_ = Phase::idle;
        return phase_ == Phase::opening ? void() : next(now, actions);
    }
    if (phase_ == Phase::finishing) {
        lost_tail(actions);
        return end(current_->verdict ? *current_->verdict : verdict(), now, actions);
    }
    // It waits for nothing but the row or the content, and looks for a link then.
    if (phase_ == Phase::loading) return;
    set_condition({Trouble::offline, "The connection to the printer broke (" + why +
                                         "). Check its power and cable; the job waits."},
                  actions);
    silent_ = 0;
    if (current_->restored) return now >= current_->deadline ? settle(now, actions) : wait_to_open(actions);
    if (current_->cancelled) return abandon(now, actions);
    if (progress().taken == 0) return wait_to_open(actions);
    if (!may_have_printed()) return run_again(now, actions);
    progress().doubt = true;
    if (options_.continues) return wait_to_open(actions);
    lost(now, actions);
}

// The printer is another one as far as this job is concerned: it may have lost what it had.
void Machine::lost(Time now, Actions& actions)
{
    if (!may_have_printed()) return run_again(now, actions);
    progress().doubt = true;
    // A printer that was only unplugged keeps its response.
    current_->restored = true;
    current_->deadline = now + limits_.restart;
    if (!can_prove() || !current_->proof_sent) return settle(now, actions);
    if (link_) return begin(now, actions);
    wait_to_open(actions);
}

// A job whose connection or process is gone: what is known now is all that will be.
void Machine::settle(Time now, Actions& actions)
{
    if (current_->proved) {
        set_condition({}, actions);
        return end(verdict(), now, actions);
    }
    if (progress().state == State::sent && options_.continues && !can_prove())
        return end(verdict(), now, actions);
    if (!may_have_printed()) {
        leave_open(actions);
        current_->restored = current_->earlier = false;
        progress().taken = 0;
        return run_again(now, actions);
    }
    if (progress().state != State::sent) leave_open(actions);
    end({Outcome::unknown,
         problem(code::outcome_unknown, "The job was interrupted after " + std::to_string(progress().taken) +
                                            " of " + std::to_string(current_->ticket.size) +
                                            " bytes or later, and the printer did not confirm it")},
        now, actions);
}

// Commit printing: nothing is on paper, so the job may begin again.
void Machine::run_again(Time now, Actions& actions)
{
    if (progress().taken > 0) leave_open(actions);
    if (progress().attempts + 1 >= limits_.attempts)
        return end({Outcome::not_started,
                    problem(code::printer_offline, "The connection to the printer broke in each of " +
                                                       std::to_string(limits_.attempts) + " attempts")},
                   now, actions);
    ++progress().attempts;
    progress().taken = 0;
    current_->marked = 0;
    commit(State::queued, actions);
    if (link_) return begin(now, actions);
    wait_to_open(actions);
}

// A person or a server does not want it any more.
void Machine::abandon(Time now, Actions& actions)
{
    Verdict verdict{Outcome::not_started, problem(code::cancelled, "The job was cancelled")};
    if (may_have_printed())
        verdict = {Outcome::unknown,
                   problem(code::outcome_unknown, "The job was cancelled after " +
                                                      std::to_string(progress().taken) + " of " +
                                                      std::to_string(current_->ticket.size) + " bytes")};
    const bool begun = progress().taken > 0;
    if (begun) leave_open(actions);
    if (!begun || !link_) return end(std::move(verdict), now, actions);
    finish(std::move(verdict), actions);
}

void Machine::close(Actions& actions)
{
    if (link_) actions.push_back(act::Close{});
    link_ = can_read_ = writing_ = asking_ = asking_port_ = cleaned_ = false;
    answers_ = {};
}

// Remembers what the next job must complete: exactly, if this process sent the bytes and the printer took
// them; else the worst case. Of what the kernel took of a network connection, any end may be lost.
void Machine::leave_open(Actions& actions)
{
    const std::string& content = *current_->content;
    const Bytes bytes{reinterpret_cast<const std::uint8_t*>(content.data()), content.size()};
    const bool exact = options_.continues && !current_->restored;
    const bool none_lost = options_.continues && current_->earlier;
    const std::uint64_t missing =
        exact ? tracker_->missing() : most_missing(*tracker_, bytes, none_lost ? progress().taken : 0);
    dirty_ = std::max(dirty_.value_or(0), missing);
    cleaned_ = false;
    actions.push_back(act::Dirty{dirty_});
}

// The printer has everything that was sent on this link, what completes an earlier job included.
void Machine::arrived(Actions& actions)
{
    if (!cleaned_ || !dirty_) return;
    dirty_.reset();
    actions.push_back(act::Dirty{});
}

// The last connection of the job has ended. Bytes that the kernel took may not have reached the printer.
void Machine::lost_tail(Actions& actions)
{
    if (options_.continues || current_->answered || current_->proved) return arrived(actions);
    progress().doubt = true;
    leave_open(actions);
}

} // namespace agenthost::printer::job
