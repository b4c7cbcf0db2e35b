#include "invocation.hpp"

#include "host/plugin/plugin.hpp"

#include "base/json_string.hpp"

#include <cstring>

namespace agenthost::host {

namespace {

// A plugin that keeps work across restarts recognises a repeat by the caller and the caller's id.
std::string with_task(std::string_view caller, std::string_view id)
{
    std::string out{caller};
    if (id.empty() || !out.ends_with('}')) return out;
    out.pop_back();
    base::append_json_string(out += ",\"task\":", id);
    return out += '}';
}

// A repeat that does not run: the first run may have had effects.
Answer interrupted(const Request& r, std::string why)
{
    return {.outcome = wire::Outcome::interrupted,
            .data = {},
            .code = std::string{code::interrupted},
            .message = *r.action + " was interrupted, and did not run again: " + std::move(why),
            .detail = {},
            .error_data = {}};
}

} // namespace

agh_status Invocation::call_plugin(Slot& slot, const wire::Command& command, std::uint32_t flags,
                                   agh_error& error)
{
    Request& r = slot.request;
    r.phase = Request::Phase::running;
    r.repeat = (flags & AGH_REQUEST_REPEAT) != 0;
    agh_request request{};
    request.size = sizeof request;
    request.flags = flags;
    request.id = r.id;
    if (r.deadline != Clock::time_point::max())
        request.deadline_ns = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(r.deadline.time_since_epoch()).count());
    request.action = bytes(*r.action);
    request.params = bytes(command.params);
    request.target = bytes(command.target);
    const std::string caller = r.effects ? with_task(r.caller->json, command.id) : std::string{};
    request.caller = bytes(r.effects ? caller : r.caller->json);
    request.blob_stride = sizeof(agh_blob);

    slot.owner.store(r.owner, std::memory_order_release);
    slot.caller.store(r.caller->name.get(), std::memory_order_release);
    slot.depth.store(r.depth, std::memory_order_relaxed);
    core_.slots.open(slot);
    const Results::InvokeScope scope{results_, r.id};
    return r.plugin->invoke(request, error);
}

void Invocation::invoke(Slot& slot, const wire::Command& command, std::uint32_t flags)
{
    Request& r = slot.request;
    const agh_req id = r.id;
    // 512 bytes that only a refusal reads: they are not cleared.
    agh_error error;
    error.size = sizeof error;
    error.status = AGH_OK;
    error.code[0] = error.text[0] = '\0';
    const agh_status status = call_plugin(slot, command, flags, error);

    // The plugin has completed it.
    if (r.id != id || r.phase != Request::Phase::running) return;
    if (status < 0) return refused(slot, command, status, error);
    requests_.keep(slot, command.id, command.action);
    if (r.deadline != Clock::time_point::max()) core_.schedule.set_deadline(r.index, r.deadline);
}

void Invocation::refused(Slot& slot, const wire::Command& command, agh_status status, const agh_error& error)
{
    Request& r = slot.request;
    // The plugin refused it and completed it as well: the completion is on its way.
    if (!Slots::claim(slot, r.id)) return requests_.keep(slot, command.id, command.action);
    const std::string_view message{error.text, ::strnlen(error.text, sizeof error.text)};
    const std::string_view word{error.code, ::strnlen(error.code, sizeof error.code)};
    const bool not_started = status == AGH_E_BUSY || word == code::busy || word == code::queue_full;
    r.refused = true;
    if (not_started && r.repeat) return results_.end(slot, interrupted(r, std::string{message}));
    results_.end(slot, {.outcome = not_started ? wire::Outcome::not_started : wire::Outcome::error,
                        .data = {},
                        .code = std::string{word.empty() ? code_of(status) : word},
                        .message = message.empty() ? "plugin " + *r.owner + " refused " + *r.action +
                                                         " and gave no reason"
                                                   : std::string{message},
                        .detail = {},
                        .error_data = {}});
}

void Invocation::invoke_kept(Slot& slot, std::uint32_t flags)
{
    const Request& r = slot.request;
    if (!r.cancel_wanted && r.plugin)
        return invoke(
            slot,
            {.id = r.own_id, .action = r.own_word, .params = r.params, .target = r.target, .timeout = {}},
            flags);
    std::string why = r.plugin ? "cancelled before it began" : "the plugin stopped before it began";
    if (flags & AGH_REQUEST_REPEAT) return results_.journal(slot, interrupted(r, std::move(why)));
    results_.journal(slot, {.outcome = wire::Outcome::not_started,
                            .data = {},
                            .code = std::string{r.plugin ? code::cancelled : code::busy},
                            .message = std::move(why),
                            .detail = {},
                            .error_data = {}});
}

} // namespace agenthost::host
