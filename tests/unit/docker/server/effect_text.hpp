// Writes the effects of the server machine as text, for the scripts of tests.
#pragma once

#include "plugins/docker/server/machine.hpp"

#include <string>
#include <vector>

namespace agenthost::docker_test {

using namespace agenthost::docker::server;
using docker::Problem;

inline std::string text_of(const Effect& effect)
{
    const auto text = [](std::string_view a, std::string_view b = {}, std::string_view c = {}) {
        std::string out{a};
        if (!b.empty()) out.append(" ").append(b);
        if (!c.empty()) out.append(" ").append(c);
        return out;
    };
    constexpr std::string_view verdicts[] = {"ok", "refused", "failed", "cancelled"};
    if (std::holds_alternative<Save>(effect)) return "save";
    if (const auto* e = std::get_if<Call>(&effect)) return text(to_string(e->verb), e->text);
    if (std::holds_alternative<CancelPull>(effect)) return "cancel_pull";
    if (const auto* e = std::get_if<Arm>(&effect))
        return text("arm", to_string(e->timer), std::to_string(e->after.count()));
    if (const auto* e = std::get_if<Disarm>(&effect)) return text("disarm", to_string(e->timer));
    if (const auto* e = std::get_if<Answer>(&effect))
        return text(e->id + " " + std::string{verdicts[static_cast<int>(e->verdict)]}, e->problem.code,
                    e->status ? to_string(*e->status) : std::string_view{});
    if (const auto* e = std::get_if<StateChanged>(&effect))
        return text(std::string{to_string(e->previous)} + ">" + std::string{to_string(e->current)},
                    e->reason.code);
    if (std::holds_alternative<Note>(effect)) return "note";
    return "gone";
}

inline std::string text_of(const std::vector<Effect>& effects)
{
    std::string out;
    for (const Effect& effect : effects) out.append(out.empty() ? "" : ", ").append(text_of(effect));
    return out;
}

inline ContainerFacts running(std::string run) { return {Container::running, std::move(run)}; }
inline ContainerFacts exited(std::string run, int code, bool oom = false)
{
    return {Container::exited, std::move(run), code, oom};
}

inline Settings settings()
{
    Settings out;
    out.name = "server_1";
    return out;
}

inline Record installed()
{
    Record record;
    record.install = Install::done;
    return record;
}

} // namespace agenthost::docker_test
