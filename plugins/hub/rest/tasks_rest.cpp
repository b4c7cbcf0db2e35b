#include "tasks_rest.hpp"

namespace agenthost::hub {

// A task of an agent that the caller may not see is to it as if it did not exist.
void TasksRest::find(Conn conn, const std::string& id, const Caller& caller,
                     std::function<void(const TaskRecord&)> then)
{
    calls_.find(conn, id, [this, conn, id, caller, then = std::move(then)](const TaskRecord& found) {
        if (caller.sees(found.agent)) return then(found);
        calls_.refuse(conn, 404, "TASK_NOT_FOUND", "There is no task " + id + ", or it has expired");
    });
}

void TasksRest::show(Conn conn, const std::string& id, const Caller& caller)
{
    find(conn, id, caller,
         [this, conn](const TaskRecord& task) { core_.answer(conn, json_answer(200, task_json(task))); });
}

void TasksRest::answer(Conn conn, int status, const TaskRecord& task, std::string_view what)
{
    std::string body = task_json(task);
    body.insert(body.size() - 1, ",\"cancel\":\"" + std::string{what} + "\"");
    core_.answer(conn, json_answer(status, std::move(body)));
}

void TasksRest::ended(Conn conn, const TaskRecord& task)
{
    calls_.refuse(conn, 409, "TASK_ENDED",
                  "Task " + task.id + " has ended already: " + std::string{word(task.state)});
}

void TasksRest::cancel(Conn conn, const Head& head, const std::string& id, const Caller& caller)
{
    const std::string force = query_value(head.query, "force").value_or("false");
    if (force != "true" && force != "false")
        return calls_.refuse(conn, 400, "INVALID_REQUEST", "\"force\" is true or false");
    find(conn, id, caller, [this, conn, id, force = force == "true"](const TaskRecord& task) {
        if (final(task.state)) return ended(conn, task);
        const Run* run = runs_.find(id);
        if (task.sent > 0 && run != nullptr && !run->over()) return interrupt(conn, id, force);
        const bool sent = task.sent > 0;
        const auto cancelled =
            commands_.abandon(id, sent ? "Cancelled after it was sent; the agent may carry it out"
                                       : "Cancelled before it was sent");
        if (!cancelled) return calls_.busy(conn); // saved as open by another process
        answer(conn, 200, *cancelled, sent ? "abandoned" : "removed");
    });
}

void TasksRest::interrupt(Conn conn, const std::string& id, bool force)
{
    runs_.interrupt(id, force, [this, conn, id, force](const Requests::Answer& a) {
        const bool waits = a.code == "AGENT_OFFLINE" || a.code == "TIMEOUT";
        if (!a.ok && !waits && commands_.find(id) == nullptr) // it ended while the agent was asked
            return calls_.find(conn, id, [this, conn](const TaskRecord& task) { ended(conn, task); });
        if (!a.ok && !waits) return calls_.refuse(conn, status_of(a.code), a.code, a.message);
        if (waits) later_(id, force);
        if (const TaskRecord* open = commands_.find(id))
            return answer(conn, 202, *open, waits ? "waiting" : "interrupted");
        calls_.find(conn, id, // it has ended meanwhile
                    [this, conn](const TaskRecord& ended) { answer(conn, 200, ended, "interrupted"); });
    });
}

} // namespace agenthost::hub
