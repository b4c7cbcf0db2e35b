#include "nested_calls.hpp"

#include "json.hpp"
#include "permissions.hpp"

#include <algorithm>

namespace agenthost::host {

// Sets the depth of a call for this parent, or returns why the parent may not make one.
agh_status NestedCalls::depth_below(agh_req parent, std::string_view plugin, std::uint8_t& depth) const
{
    const Slot* slot = core_.slots.at(parent);
    const std::uint64_t flags = slot ? Slots::look(*slot, parent, plugin) : 0;
    if (!flags) return AGH_E_STALE;
    if (flags & (Slot::cancelled | Slot::deadline)) return AGH_E_CANCELLED;
    depth = static_cast<std::uint8_t>(slot->depth.load(std::memory_order_relaxed) + 1);
    return depth > max_depth ? AGH_E_DENIED : AGH_OK;
}

agh_status NestedCalls::call(std::string_view plugin, std::vector<std::string> may_call, agh_req parent,
                             std::string_view action, std::string_view params, std::uint64_t timeout_ns,
                             CallDone done)
{
    std::uint8_t depth = 1;
    if (parent) {
        if (const agh_status status = depth_below(parent, plugin, depth); status != AGH_OK) return status;
    } else if (may_call.empty())
        return AGH_E_DENIED;
    if (action.empty() || action.size() > max_action_bytes || action.find('\0') != action.npos)
        return AGH_E_INVALID;
    if (params.empty()) params = "{}";
    if (params.size() > max_reply_bytes || !json::valid_object(params)) return AGH_E_INVALID;
    const bool added = core_.inbox.add(NestedCall{.plugin = std::string{plugin},
                                                  .may_call = std::move(may_call),
                                                  .parent = parent,
                                                  .action = std::string{action},
                                                  .params = std::string{params},
                                                  .timeout_ns = timeout_ns,
                                                  .done = std::move(done),
                                                  .depth = depth});
    return added ? AGH_PENDING : AGH_E_BUSY;
}

void NestedCalls::start(NestedCall nested)
{
    ++core_.stats.submitted;
    if (nested.parent)
        start_for_parent(nested);
    else
        start_on_own_account(nested);
}

void NestedCalls::start_for_parent(NestedCall& nested)
{
    const Slot* parent = core_.slots.find(nested.parent);
    if (parent && !parent->request.cancel_wanted) {
        CallerRecord& record = *parent->request.caller;
        return submit(nested, record, record.policy(), parent->request.deadline);
    }
    ++core_.stats.refused;
    reply_of({.id = {},
              .outcome = wire::Outcome::not_started,
              .data = {},
              .error = {.code = code::cancelled,
                        .message = "the request that asked for this has ended",
                        .detail = {},
                        .data = {}},
              .action = {}})
        .hand_over(nested.done);
}

void NestedCalls::start_on_own_account(NestedCall& nested)
{
    const std::string name = "plugin:" + nested.plugin;
    Policy own;
    own.name = name;
    own.allow = std::move(nested.may_call);
    own.messages_per_second = 0;
    CallerRecord& record = core_.callers.record(name);
    if (!record.caller) record.last_policy = own;
    submit(nested, record, own, Clock::time_point::max());
    if (CallerRecord* found = core_.callers.named(name)) core_.callers.drop_if_idle(*found);
}

void NestedCalls::submit(NestedCall& nested, CallerRecord& record, const Policy& policy,
                         Clock::time_point deadline)
{
    const wire::Command command{
        .id = {}, .action = nested.action, .params = nested.params, .target = {}, .timeout = {}};
    Incoming in{.record = &record,
                .caller = nullptr,
                .command = command,
                .started = core_.now(),
                .nested = &nested,
                .deadline = deadline};
    constexpr auto max_ns =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(max_timeout).count());
    if (nested.timeout_ns)
        in.deadline =
            std::min(deadline, in.started + std::chrono::nanoseconds{std::min(nested.timeout_ns, max_ns)});

    static const std::map<std::string, std::string> no_words;
    in.action = core_.registry.resolve(nested.action, {}, no_words);
    if (!in.action) {
        if (!admission_.refuse_missing(in, policy, nested.action))
            responder_.refuse(
                in, wire::Outcome::error, code::unknown_action, "Unknown action: " + nested.action,
                "No enabled plugin offers it; a nested call takes action names, not a protocol's words.");
        return;
    }
    if (allowed(policy, *in.action)) return admission_.admit(in, policy);
    responder_.refuse(in, wire::Outcome::error, code::denied,
                      "plugin " + nested.plugin + " may not run " + in.action->name + " for \"" +
                          policy.name + "\"",
                      nested.parent ? "The allow list of that server does not admit it."
                                    : "Its manifest must permit it under permissions.call.");
}

} // namespace agenthost::host
