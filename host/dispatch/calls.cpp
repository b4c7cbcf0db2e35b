// agenthost.call/1: a plugin asks for another's action, under the rights of the request it serves.
#include "dispatcher_impl.hpp"

#include "json.hpp"

#include <algorithm>

namespace agenthost::host {

agh_status Dispatcher::Impl::call(std::string_view plugin, std::vector<std::string> may_call, agh_req parent,
                                  std::string_view action, std::string_view params, std::uint64_t timeout_ns,
                                  CallDone done)
{
    std::uint8_t depth = 1;
    if (parent) {
        const Slot* slot = slots.at(parent);
        const std::uint64_t flags = slot ? Slots::look(*slot, parent, plugin) : 0;
        if (!flags) return AGH_E_STALE;
        if (flags & (Slot::cancelled | Slot::deadline)) return AGH_E_CANCELLED;
        depth = static_cast<std::uint8_t>(slot->depth.load(std::memory_order_relaxed) + 1);
        if (depth > most_depth) return AGH_E_DENIED;
    } else if (may_call.empty())
        return AGH_E_DENIED;
    if (action.empty() || action.size() > action_bytes || action.find('\0') != action.npos)
        return AGH_E_INVALID;
    if (params.empty()) params = "{}";
    if (params.size() > reply_bytes || !json::valid_object(params)) return AGH_E_INVALID;

    NestedCall nested{.plugin = std::string{plugin},
                      .may_call = std::move(may_call),
                      .parent = parent,
                      .action = std::string{action},
                      .params = std::string{params},
                      .timeout_ns = timeout_ns,
                      .done = std::move(done),
                      .depth = depth};
    bool post = false;
    {
        const std::lock_guard lock{inbox.mutex};
        if (inbox.content.calls.size() >= Inbox::most_calls) return AGH_E_BUSY;
        inbox.content.calls.push_back(std::move(nested));
        post = !std::exchange(inbox.posted, true);
    }
    wake(post);
    return AGH_PENDING;
}

void Dispatcher::Impl::start_call(NestedCall nested)
{
    ++stats.submitted;
    const wire::Command command{
        .id = {}, .action = nested.action, .params = nested.params, .target = {}, .timeout = {}};
    const std::string caller_name = "plugin:" + nested.plugin;
    CallerRecord* record = nullptr;
    Policy own;
    const Policy* policy = &own;
    auto deadline = Clock::time_point::max();
    if (nested.parent) {
        const Slot* parent = slots.find(nested.parent);
        if (!parent || parent->request.cancel_wanted) {
            ++stats.refused;
            OwnedReply reply = reply_of({.id = {},
                                         .outcome = wire::Outcome::not_started,
                                         .data = {},
                                         .error = {.code = code::cancelled,
                                                   .message = "the request that asked for this has ended",
                                                   .detail = {},
                                                   .data = {}},
                                         .action = {}});
            return reply.hand_over(nested.done);
        }
        record = parent->request.caller;
        policy = &record->policy();
        deadline = parent->request.deadline;
    } else {
        own.name = caller_name;
        own.allow = std::move(nested.may_call);
        own.messages_per_second = 0;
        record = &record_of(caller_name);
        if (!record->caller) record->last_policy = own;
    }
    Incoming in{.record = record,
                .caller = nullptr,
                .command = command,
                .started = now(),
                .nested = &nested,
                .deadline = deadline};
    constexpr std::uint64_t longest_ns = 365ull * 24 * 3600 * 1'000'000'000;
    if (nested.timeout_ns)
        in.deadline = std::min(
            deadline, in.started + std::chrono::nanoseconds{std::min(nested.timeout_ns, longest_ns)});

    static const std::map<std::string, std::string> no_words;
    const Action* action = registry.resolve(nested.action, {}, no_words);
    in.action = action;
    const bool own_account = nested.parent == 0;
    if (!action && refuse_missing(in, *policy, nested.action)) {
    } else if (!action)
        refuse(in, wire::Outcome::error, code::unknown_action, "Unknown action: " + nested.action,
               "No enabled plugin offers it; a nested call takes action names, not a protocol's words.");
    else if (!allowed(*policy, *action))
        refuse(in, wire::Outcome::error, code::denied,
               "plugin " + nested.plugin + " may not run " + action->name + " for \"" + policy->name + "\"",
               own_account ? "Its manifest must permit it under permissions.call."
                           : "The allow list of that server does not admit it.");
    else
        admit(in, *policy, *action);
    if (!own_account) return;
    if (const auto at = records.find(caller_name); at != records.end()) drop_record_if_idle(*at->second);
}

} // namespace agenthost::host
