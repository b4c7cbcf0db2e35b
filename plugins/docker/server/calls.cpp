#include "calls.hpp"

#include <utility>

namespace agenthost::docker::server {

CallNumber Calls::add(Verb verb, std::string text, EffectList& effects)
{
    effects.add(Call{++last_number_, verb, std::move(text)});
    return last_number_;
}

void Calls::begin(Verb verb, std::string text, EffectList& effects)
{
    work_ = {add(verb, std::move(text), effects), verb, false};
}

void Calls::begin_kill(Verb verb, EffectList& effects) { kill_ = {add(verb, {}, effects), verb, false}; }

void Calls::give_up(EffectList& effects)
{
    if (!working()) return;
    if (work_.verb != Verb::pull && work_.verb != Verb::pull_installer) {
        work_.given_up = true;
        return;
    }
    effects.add(CancelPull{work_.number});
    work_ = {};
}

void Calls::look(EffectList& effects)
{
    look_again_ = looking();
    if (looking()) return;
    known_ = repeat_ = outdated_ = false;
    look_ = add(Verb::inspect, {}, effects);
}

void Calls::look_once_more(EffectList& effects)
{
    if (!repeat_ || outdated_) known_ = false;
    repeat_ = true;
    outdated_ = false;
    look_ = add(Verb::inspect, {}, effects);
}

std::optional<Calls::Ended> Calls::end(CallNumber number)
{
    if (!working() || number != work_.number) return std::nullopt;
    const InFlight ended = std::exchange(work_, {});
    return Ended{ended.verb, ended.given_up};
}

bool Calls::end_kill(CallNumber number)
{
    if (!killing() || number != kill_.number) return false;
    kill_ = {};
    return true;
}

bool Calls::end_look(CallNumber number)
{
    if (!looking() || number != look_) return false;
    look_ = 0;
    return true;
}

void Calls::forget()
{
    work_ = kill_ = {};
    look_ = 0;
    look_again_ = repeat_ = outdated_ = known_ = false;
}

} // namespace agenthost::docker::server
