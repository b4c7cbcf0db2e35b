// A server's life, scene by scene: this happens, that is asked for.
#pragma once

#include "tests/unit/docker/server/effect_text.hpp"

#include <map>
#include <string>
#include <vector>

namespace agenthost::docker_test {

class Scene {
public:
    explicit Scene(Settings own = settings(), Record record = installed())
        : machine{std::move(own), std::move(record)}
    {}

    std::string step(const Input& input)
    {
        const auto effects = machine.step(input, now);
        for (const Effect& effect : effects) {
            if (const auto* call = std::get_if<Call>(&effect)) calls[call->verb] = call->number;
            if (const auto* answer = std::get_if<Answer>(&effect))
                said = answer->problem.message, number = answer->action;
            if (const auto* change = std::get_if<StateChanged>(&effect))
                reason = change->reason.message, action = change->action;
        }
        return text_of(effects);
    }
    std::string power(const std::string& id, Action action) { return step(Power{id, action}); }
    std::string done(Verb verb, Outcome outcome = Outcome::ok, Problem problem = {})
    {
        return step(Done{calls[verb], outcome, std::move(problem)});
    }
    std::string seen(ContainerFacts server, ContainerFacts installer = {})
    {
        return step(Seen{calls[Verb::inspect], Outcome::ok, {std::move(server), std::move(installer)}, {}});
    }
    std::string hangs()
    {
        return step(Seen{calls[Verb::inspect], Outcome::deadline, {}, {"DOCKER_ERROR", "hangs"}});
    }
    std::string fired(Timer timer) { return step(Fired{timer}); }
    // The engine is there, and the container is what `server` says.
    Scene& up(ContainerFacts server = {}, ContainerFacts installer = {})
    {
        step(Back{});
        seen(std::move(server), std::move(installer));
        return *this;
    }
    Scene& start(const std::string& run = "r1")
    {
        power("start", Action::start);
        for (const Verb verb : {Verb::check_ports, Verb::pull, Verb::create, Verb::start}) done(verb);
        seen(running(run));
        return *this;
    }

    Machine machine;
    std::map<Verb, CallNumber> calls;
    std::string said, reason;
    std::uint64_t action = 0, number = 0; // of the last change, of the last answer
    milliseconds now{0};
};

} // namespace agenthost::docker_test
