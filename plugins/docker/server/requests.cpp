#include "requests.hpp"

namespace agenthost::docker::server {

std::string describe(const Power& power) { return std::string{to_string(power.action)} + " " + power.id; }

void Requests::begin(Power power, EffectList& effects)
{
    // A caller that is told "starting" after this long knows more than one that still waits.
    constexpr milliseconds answer_after{10'000};
    running_ = std::move(power);
    answered_ = false;
    effects.arm(Timer::answer, answer_after);
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
    if (waiting_) effects.answer(waiting_->id, Verdict::cancelled, why);
    waiting_.reset();
}

void Requests::cancel(const std::string& id, EffectList& effects)
{
    if (waiting_ && waiting_->id == id) {
        effects.answer(id, Verdict::cancelled, {code::cancelled, "cancelled before it began"});
        waiting_.reset();
    } else if (running_ && running_->id == id) {
        answer(Verdict::ok, {}, effects);
    }
}

} // namespace agenthost::docker::server
