#include "requests.hpp"

#include <utility>

namespace agenthost::docker::server {

std::string describe(const Power& power) { return std::string{to_string(power.action)} + " " + power.id; }

void Requests::begin(Power power, std::uint64_t number, bool answered)
{
    running_ = std::move(power);
    number_ = number;
    answered_ = answered;
}

void Requests::answer(Verdict verdict, const Problem& problem, EffectList& effects)
{
    if (pending()) effects.answer(running_->id, verdict, problem, number_);
    answered_ = running_.has_value();
    effects.disarm(Timer::answer);
}

void Requests::end(Verdict verdict, const Problem& problem, EffectList& effects)
{
    answer(verdict, problem, effects);
    running_.reset();
    answered_ = false;
}

} // namespace agenthost::docker::server
