#include "admission.hpp"

#include "permissions.hpp"

#include <algorithm>

namespace agenthost::host {

namespace {

bool has_nul(std::string_view s) { return s.find('\0') != std::string_view::npos; }

// Shortens a peer's word for an error message.
std::string shortened(std::string_view text)
{
    return text.size() <= 80 ? std::string{text} : std::string{text.substr(0, 80)} + "...";
}

struct Malformation {
    const char *message, *remedy;
};
constexpr Malformation too_long{"id, target or action is longer than 256 bytes", "Send a shorter one."};
constexpr Malformation contains_nul{"id, target or action contains a NUL", "Send it without."};

// nullptr: the command is well-formed. resolve() checks an unknown action for a NUL.
const Malformation* malformation(const wire::Command& command)
{
    if (command.id.size() > max_id_bytes || command.target.size() > max_id_bytes ||
        command.action.size() > max_action_bytes)
        return &too_long;
    return has_nul(command.id) || has_nul(command.target) ? &contains_nul : nullptr;
}

} // namespace

Admission::Admission(Core& core, const Drain& drain, Requests& requests, Responder& responder,
                     Builtins& builtins, Invocation& invocation, JournalledStart& journalled_start)
    : core_{core}, drain_{drain}, requests_{requests}, responder_{responder}, builtins_{builtins},
      invocation_{invocation}, journalled_start_{journalled_start}
{}

void Admission::submit(Caller& caller, const wire::Command& command)
{
    ++core_.stats.submitted;
    Incoming in{
        .record = core_.callers.find(caller), .caller = &caller, .command = command, .started = core_.now()};
    if (!in.record)
        return responder_.refuse(
            in, wire::Outcome::not_started, code::internal, "this session is not attached to the dispatcher",
            "It is being replaced or shut down: send the command again on the next connection.");
    if (const Malformation* malformed = malformation(command))
        return responder_.refuse(in, wire::Outcome::error, code::invalid_request, malformed->message,
                                 malformed->remedy);
    const Policy& policy = caller.policy();
    if (!resolve(in, policy)) return;
    if (!in.record->rate.take(policy.messages_per_second, in.started))
        return responder_.refuse(in, wire::Outcome::not_started, code::rate_limit,
                                 "more than " +
                                     std::to_string(static_cast<long>(policy.messages_per_second)) +
                                     " commands a second",
                                 "Send it again later, or raise limits.messages_per_second.");
    if (command.timeout && command.timeout->count() > 0)
        in.deadline = in.started + std::min(*command.timeout, max_timeout);
    admit(in, policy);
}

// Finds the action and checks that the caller may run it; otherwise answers and returns false.
bool Admission::resolve(Incoming& in, const Policy& policy)
{
    const std::string_view word = in.command.action;
    in.action = core_.registry.resolve(word, policy.protocol, policy.map);
    if (!in.action) {
        if (has_nul(word))
            responder_.refuse(in, wire::Outcome::error, code::invalid_request, contains_nul.message,
                              contains_nul.remedy);
        else if (!refuse_missing(in, policy, word))
            responder_.refuse(
                in, wire::Outcome::error, code::unknown_action, "Unknown action: " + shortened(word),
                "No enabled plugin offers it. `agenthost call host.actions` lists the actions there are; "
                "servers[].map gives a word of a server's own a meaning.");
        return false;
    }
    if (allowed(policy, *in.action)) return true;
    responder_.refuse(in, wire::Outcome::error, code::denied,
                      "\"" + policy.name + "\" may not run " + in.action->name,
                      how_to_allow(policy, in.action->name));
    return false;
}

bool Admission::refuse_missing(const Incoming& in, const Policy& policy, std::string_view word)
{
    const auto missing = core_.registry.missing(word, policy.protocol, policy.map);
    if (!missing || !allowed(policy, *missing)) return false;
    responder_.refuse(
        in, wire::Outcome::not_started, code::busy, "plugin " + missing->plugin + " " + missing->why,
        "It offers " + shortened(missing->action) + " once it runs. `agenthost status` shows how it is.");
    return true;
}

void Admission::admit(Incoming& in, const Policy& policy)
{
    const wire::Command& command = in.command;
    const Action& action = *in.action;
    const bool journalled = action.manifest->effects && policy.journal && !command.id.empty() && !in.nested;
    Digest digest;
    if (journalled) {
        digest = journalled_start_.digest_of(action, command);
        if (is_repeat(in, digest)) return;
    }
    const std::uint64_t charged =
        command.params.size() + command.id.size() + command.action.size() + command.target.size();
    if (!is_within_limits(in, policy, charged)) return;
    if (action.manifest->params) {
        if (std::string problem = action.manifest->params->check(command.params); !problem.empty())
            return responder_.refuse(in, wire::Outcome::error, code::invalid_request, std::move(problem));
    }
    if (!action.plugin) return builtins_.run(in);

    Slot* slot = requests_.open(in, charged, journalled);
    if (!slot)
        return responder_.refuse(in, wire::Outcome::not_started, code::busy,
                                 "65536 commands are running on this agent",
                                 "Send it again when one has ended.");
    if (journalled)
        journalled_start_.begin(*slot, command, digest);
    else
        invocation_.invoke(*slot, command, 0);
}

void Admission::run_again(const Reruns::Command& kept)
{
    CallerRecord* record = core_.callers.named(kept.caller);
    const auto now = core_.now();
    if (!record || !record->caller || drain_.started() || core_.journal.trouble() || kept.deadline <= now)
        return;
    // Its server has repeated it already.
    if (record->journalled.find(kept.id) != record->journalled.end()) return;
    const wire::Command command{
        .id = kept.id, .action = kept.word, .params = kept.params, .target = kept.target, .timeout = {}};
    Incoming in{.record = record, .caller = record->caller.get(), .command = command, .started = now};
    in.deadline = kept.deadline;
    const Policy& policy = record->policy();
    in.action = core_.registry.resolve(kept.word, policy.protocol, policy.map);
    // Another version of the plugin may have another manifest.
    if (!in.action || !in.action->plugin || !in.action->manifest->effects || !in.action->manifest->idempotent)
        return;
    const std::uint64_t charged =
        command.params.size() + command.id.size() + command.action.size() + command.target.size();
    if (Slot* slot = requests_.open(in, charged, true))
        journalled_start_.begin(*slot, command, journalled_start_.digest_of(*in.action, command));
}

bool Admission::is_repeat(const Incoming& in, const Digest& digest)
{
    switch (journalled_start_.attach_repeat(*in.record, in.command.id, digest)) {
    case JournalledStart::Repeat::no: return false;
    case JournalledStart::Repeat::attached: return true;
    case JournalledStart::Repeat::id_reused: break;
    }
    responder_.refuse(in, wire::Outcome::error, code::id_reused,
                      "id " + std::string{in.command.id} + " belongs to another command that is running",
                      "Use a new id for every command.");
    return true;
}

bool Admission::is_within_limits(const Incoming& in, const Policy& policy, std::uint64_t charged)
{
    const CallerRecord& record = *in.record;
    const auto busy = [&](std::string message, std::string detail) {
        responder_.refuse(in, wire::Outcome::not_started, code::busy, std::move(message), std::move(detail));
        return false;
    };
    if (drain_.started()) return busy("the agent is shutting down", "Send it again after the agent is back.");
    if (record.in_flight >= policy.in_flight)
        return busy(std::to_string(policy.in_flight) + " commands of " + policy.name + " are running already",
                    "Send it again when one has ended, or raise limits.in_flight.");
    if (record.memory + charged > policy.memory)
        return busy("the running commands of " + policy.name + " hold " + std::to_string(record.memory) +
                        " of " + std::to_string(policy.memory) + " bytes",
                    "Send it again when one has ended, or raise limits.memory.");
    return true;
}

} // namespace agenthost::host
