#include "rest.hpp"

#include "plugins/hub/store/model.hpp"
#include "plugins/hub/tasks/calls.hpp"

namespace agenthost::hub {

void Rest::request(const Exchange& exchange, const Head& head)
{
    const Match found = router_.match(head.method, head.path);
    const auto call = [&](const Caller& caller) UNDER_LOCK {
        const HttpRequest request{exchange, head, caller, {found.arguments.begin(), found.arguments.end()}};
        if (check_arguments(request, found)) found.route->handler(request);
    };
    if (found.route != nullptr && found.route->needs.role() == Needs::own_credential) return call({});
    if (core_.draining) return exchange.refuse(503, "BUSY", "The hub is shutting down");
    const auto caller = credentials_.caller(bearer_of(head.header("authorization")), core_.utc());
    if (!caller) return unauthorized(exchange, head);
    if (caller->role == Role::agent)
        return exchange.refuse(403, "DENIED", "An agent's token is for its own session, not for this API");
    if (found.route == nullptr && found.allow.empty())
        return exchange.refuse(404, "NOT_FOUND", "No such route; see the hub's API.md");
    if (found.route == nullptr) {
        Answer answer = error_answer(405, "METHOD_NOT_ALLOWED", "This route accepts " + found.allow);
        answer.headers.emplace_back("allow", found.allow);
        return exchange.answer(std::move(answer));
    }
    if (!found.route->needs.admits(caller->role))
        return exchange.refuse(403, "DENIED", "This route needs an admin's token");
    exchange.set_caller(caller->subject);
    call(*caller);
}

void Rest::unauthorized(const Exchange& exchange, const Head& head)
{
    core_.host.record(Metric::auth_failures, 1);
    if (const long wait = exchanges_.failed(head.peer); wait > 0) {
        Answer answer = error_answer(429, "RATE_LIMIT",
                                     "Too many requests without a valid bearer token; try again later");
        answer.headers.emplace_back("retry-after", std::to_string(wait));
        return exchange.answer(std::move(answer));
    }
    exchange.answer(
        hub::unauthorized("A valid bearer token is needed; mint one with: agenthost hub token new"));
}

bool Rest::check_arguments(const HttpRequest& request, const Match& found)
{
    for (std::size_t i = 0; i < found.names.size(); ++i) {
        const std::string_view name = found.names[i];
        const std::string& id = request.arguments[i];
        if (name == ":token") continue;
        if (name == ":file" && !valid_id(id, 255)) {
            request.exchange.refuse(400, "INVALID_REQUEST",
                                    "The file id is longer than 255 bytes or holds control characters");
            return false;
        }
        if (name != ":file" && !valid_id(id)) {
            request.exchange.refuse(400, "INVALID_REQUEST",
                                    "The id is longer than 128 bytes or holds control characters");
            return false;
        }
        // For a caller, an agent that it may not see does not exist.
        if (name == ":agent" && !request.caller.sees(id)) {
            Calls::no_agent(request.exchange, id);
            return false;
        }
    }
    return true;
}

} // namespace agenthost::hub
