#include "requests.hpp"

#include <algorithm>

namespace agenthost::docker::server {

std::string describe(const Power& power) { return std::string{to_string(power.action)} + " " + power.id; }

namespace {

// A caller that is told "starting" after this long knows more than one that still waits.
constexpr milliseconds answer_after{10'000};

} // namespace

void Requests::begin(Power power, milliseconds now, EffectList& effects)
{
    running_ = std::move(power);
    answered_ = std::exchange(waiting_answered_, false);
    const milliseconds due = std::exchange(waiting_due_, std::nullopt).value_or(now + answer_after);
    if (!answered_) effects.arm(Timer::answer, std::max(milliseconds{0}, due - now));
}

void Requests::wait(Power power, milliseconds now, EffectList& effects)
{
    waiting_ = std::move(power);
    waiting_answered_ = false;
    waiting_due_ = now + answer_after;
    effects.arm(Timer::waiting, answer_after);
}

std::optional<Power> Requests::take_waiting(EffectList& effects)
{
    effects.disarm(Timer::waiting);
    return std::exchange(waiting_, std::nullopt);
}

bool Requests::drop_taken()
{
    waiting_due_.reset();
    return std::exchange(waiting_answered_, false);
}

void Requests::answer_waiting(const std::string& what_runs, EffectList& effects)
{
    if (!waiting_ || std::exchange(waiting_answered_, true)) return;
    effects.answer(waiting_->id, Verdict::ok,
                   {"", std::string{to_string(waiting_->action)} + " is accepted and waits for the end of " +
                            what_runs + "."});
}

void Requests::answer(Verdict verdict, const Problem& problem, EffectList& effects)
{
    if (running_ && !answered_) effects.answer(running_->id, verdict, problem);
    answered_ = running_.has_value();
    effects.disarm(Timer::answer);
}

void Requests::end(Verdict verdict, const Problem& problem, EffectList& effects)
{
    answer(verdict, problem, effects);
    running_.reset();
    answered_ = false;
}

void Requests::cancel_all(const Problem& why, EffectList& effects)
{
    end(Verdict::cancelled, why, effects);
    if (waiting_ && !waiting_answered_) effects.answer(waiting_->id, Verdict::cancelled, why);
    take_waiting(effects);
    waiting_answered_ = false;
    waiting_due_.reset();
}

void Requests::cancel(const std::string& id, const std::string& so_far, EffectList& effects)
{
    if (waiting_ && waiting_->id == id && !waiting_answered_) {
        effects.answer(id, Verdict::cancelled, {code::cancelled, "cancelled before it began"});
        take_waiting(effects);
        waiting_due_.reset();
    } else if (running_ && running_->id == id) {
        answer(Verdict::ok, {"", so_far}, effects);
    }
}

} // namespace agenthost::docker::server
