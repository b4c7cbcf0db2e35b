#include "responder.hpp"

namespace agenthost::host {

namespace {

// The caller may be one that is not attached.
bool tell(const Incoming& in, const wire::Result& result)
{
    const auto on_result = [&](Caller& caller) { return caller.on_result(result, 0); };
    return in.record && in.record->caller.get() == in.caller ? in.record->tell(on_result)
                                                             : on_result(*in.caller);
}

} // namespace

void Responder::refuse(const Incoming& in, wire::Outcome outcome, std::string_view code, std::string message,
                       std::string detail)
{
    ++core_.stats.refused;
    respond(in, {.id = in.command.id,
                 .outcome = outcome,
                 .data = {},
                 .error = {.code = code, .message = message, .detail = detail, .data = {}},
                 .action = in.command.action});
}

void Responder::respond(const Incoming& in, const wire::Result& result)
{
    // Before the answer, which may make the caller detach itself.
    if (core_.options.on_finished) report(in, result);
    if (in.nested)
        reply_of(result).hand_over(in.nested->done);
    else if (!tell(in, result))
        ++core_.stats.dropped_results;
}

void Responder::report(const Incoming& in, const wire::Result& result)
{
    const Policy& policy = in.record ? in.record->policy() : in.caller->policy();
    core_.options.on_finished(
        {.caller = in.record ? std::string_view{*in.record->name} : std::string_view{policy.name},
         .protocol = policy.protocol,
         .action = in.action ? std::string_view{in.action->name} : in.command.action,
         .id = in.command.id,
         .code = result.error.code,
         .outcome = result.outcome,
         .took = core_.now() - in.started,
         .effects = in.action && in.action->manifest->effects,
         .audited = in.action && in.action->manifest->audited,
         .known = in.action != nullptr});
}

} // namespace agenthost::host
