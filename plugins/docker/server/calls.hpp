// Tracks the calls to the engine that are in flight, and what the last inspect showed.
//
// Calls of three kinds run in parallel, one of each: a call that works on the containers, a kill, an inspect.
// An abandoned call still counts as in flight until it is done, because its effect is unknown; only a pull
// can be cancelled. Owned by the machine.
#pragma once

#include "effect_list.hpp"

#include <optional>
#include <string>

namespace agenthost::docker::server {

class Calls {
public:
    // The call that works on the containers.
    void begin(Verb, std::string text, EffectList&);
    void give_up(EffectList&);
    [[nodiscard]] bool working() const { return work_.number != 0; }
    [[nodiscard]] bool working_on(Verb verb) const { return working() && work_.verb == verb; }
    [[nodiscard]] bool given_up() const { return work_.given_up; }

    // In parallel; a repeated kill replaces the previous one.
    void begin_kill(Verb, EffectList&);
    [[nodiscard]] bool killing() const { return kill_.number != 0; }
    // Nothing is in flight that changes the containers.
    [[nodiscard]] bool idle() const { return !working() && !killing(); }

    // Inspects now, or again after the inspect in flight.
    void look(EffectList&);
    [[nodiscard]] bool looking() const { return look_ != 0; }
    [[nodiscard]] bool looks_again() const { return look_again_; }
    [[nodiscard]] bool repeats_look() const { return repeat_; }
    [[nodiscard]] bool look_outdated() const { return outdated_; }

    // A call is done. False or nothing: it is void.
    struct Ended {
        Verb verb;
        bool given_up;
    };
    std::optional<Ended> end(CallNumber);
    bool end_kill(CallNumber);
    bool end_look(CallNumber);
    // Whether something happened while the inspect that ended was in flight.
    bool take_look_again() { return std::exchange(look_again_, false); }
    // Inspects once more because of it. What the ended inspect showed counts meanwhile if it was such a repeat
    // itself: events that come faster than an inspect takes must not keep the machine from acting. It never
    // counts if a call of ours ended while it was in flight.
    void look_once_more(EffectList&);
    // All calls in flight are void.
    void forget();

    // What inspect showed, while nothing has been done since.
    void show(const Facts& facts)
    {
        view_ = facts;
        known_ = true;
    }
    // A call of ours may have changed the containers.
    void doubt()
    {
        known_ = false;
        look_again_ = outdated_ = looking();
    }
    [[nodiscard]] bool known() const { return known_; }
    [[nodiscard]] const Facts& view() const { return view_; }
    [[nodiscard]] bool running() const { return known_ && view_.server.is == Container::running; }
    [[nodiscard]] bool installer_running() const
    {
        return known_ && view_.installer.is == Container::running;
    }
    [[nodiscard]] Verb work_verb() const { return work_.verb; }
    [[nodiscard]] Verb kill_verb() const { return kill_.verb; }

private:
    struct InFlight {
        CallNumber number = 0;
        Verb verb = Verb::inspect;
        bool given_up = false;
    };
    CallNumber add(Verb, std::string text, EffectList&);

    InFlight work_, kill_;
    CallNumber look_ = 0, last_number_ = 0;
    bool look_again_ = false;
    // Of the inspect in flight: it repeats one; it began before a call of ours ended.
    bool repeat_ = false, outdated_ = false;
    bool known_ = false;
    Facts view_;
};

} // namespace agenthost::docker::server
