#include "tasks.hpp"

namespace agenthost::hub {

std::vector<Route> TasksRest::routes()
{
    return {{"GET", "/api/tasks/:id", Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { show(r); }},
            {"DELETE", "/api/tasks/:id", Needs::dashboard,
             [this](const HttpRequest& r) UNDER_LOCK { cancel(r); }}};
}

// For a caller, a task of an agent that it may not see does not exist.
void TasksRest::find(const HttpRequest& request, std::function<void(const TaskRecord&)> then)
{
    const std::string& id = request.arguments[0];
    calls_.find(request.exchange, id,
                [exchange = request.exchange, id, caller = request.caller,
                 then = std::move(then)](const TaskRecord& found) UNDER_LOCK {
                    if (caller.sees(found.agent)) return then(found);
                    Calls::no_task(exchange, id);
                });
}

void TasksRest::show(const HttpRequest& request)
{
    find(request, [exchange = request.exchange](const TaskRecord& task)
                      UNDER_LOCK { exchange.answer(json_answer(200, task_json(task))); });
}

void TasksRest::answer(const Exchange& exchange, int status, const TaskRecord& task, std::string_view what)
{
    exchange.answer(json_answer(status, cancel_json(task, what)));
}

void TasksRest::ended(const Exchange& exchange, const TaskRecord& task)
{
    exchange.refuse(409, "TASK_ENDED",
                    "Task " + task.id + " has ended already: " + std::string{to_string(task.state)});
}

void TasksRest::cancel(const HttpRequest& request)
{
    const Exchange& exchange = request.exchange;
    const std::string& id = request.arguments[0];
    const std::string force = query_value(request.head.query, "force").value_or("false");
    if (force != "true" && force != "false")
        return exchange.refuse(400, "INVALID_REQUEST", "\"force\" is true or false");
    find(request, [this, exchange, id, force = force == "true"](const TaskRecord& task) UNDER_LOCK {
        if (final(task.state)) return ended(exchange, task);
        const Run* run = runs_.find(id);
        if (task.sent > 0 && run != nullptr && !run->over()) return interrupt(exchange, id, force);
        const bool sent = task.sent > 0;
        const auto cancelled =
            commands_.abandon(id, sent ? "Cancelled after it was sent; the agent may still run it"
                                       : "Cancelled before it was sent");
        if (!cancelled) return exchange.busy(); // saved as open by another process
        answer(exchange, 200, *cancelled, sent ? "abandoned" : "removed");
    });
}

void TasksRest::interrupt(const Exchange& exchange, const std::string& id, bool force)
{
    runs_.control().interrupt(id, force, [this, exchange, id, force](const Requests::Answer& a) UNDER_LOCK {
        const bool waits = a.code == "AGENT_OFFLINE" || a.code == "TIMEOUT";
        if (!a.ok && !waits && commands_.find(id) == nullptr) // it ended during the request to the agent
            return calls_.find(
                exchange, id, [this, exchange](const TaskRecord& task) UNDER_LOCK { ended(exchange, task); });
        if (!a.ok && !waits) return exchange.refuse(status_of(a.code), a.code, a.message);
        if (waits) later_(id, force);
        if (const TaskRecord* open = commands_.find(id))
            return answer(exchange, 202, *open, waits ? "waiting" : "interrupted");
        calls_.find(exchange, id, // it has ended in the meantime
                    [this, exchange](const TaskRecord& ended)
                        UNDER_LOCK { answer(exchange, 200, ended, "interrupted"); });
    });
}

} // namespace agenthost::hub
