// GET and DELETE /api/tasks/ID: shows and cancels a task. Under the hub's lock.
//
// DELETE answers with the task and `cancel`:
//   removed      it had not been sent; the agent never sees it
//   interrupted  a terminal command: the agent was told to interrupt it (?force=true: to kill it); it has yet to
//                end (202)
//   waiting      the same, but the agent is offline or slow: it will be told as soon as possible (202)
//   abandoned    sent, and no protocol can recall it: the hub no longer waits for it or resends it; the
//                agent may still run it
// A task that has ended is 409 TASK_ENDED.
#pragma once

#include "plugins/hub/http/router.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "plugins/hub/tasks/calls.hpp"
#include "plugins/hub/tasks/commands.hpp"

#include <functional>
#include <string>
#include <vector>

namespace agenthost::hub {

class TasksRest {
public:
    // Interrupts a run once its agent is back.
    using Later = std::function<void(const std::string& id, bool force)>;

    TasksRest(Calls& calls, Commands& commands, Runs& runs, Later later)
        : calls_{calls}, commands_{commands}, runs_{runs}, later_{std::move(later)}
    {}

    [[nodiscard]] std::vector<Route> routes();

private:
    void show(const HttpRequest&) UNDER_LOCK;
    void cancel(const HttpRequest&) UNDER_LOCK;
    // Calls `then` with the task in the path if the caller may see its agent; else answers 404.
    void find(const HttpRequest&, std::function<void(const TaskRecord&)> then) UNDER_LOCK;
    void interrupt(const Exchange&, const std::string& id, bool force) UNDER_LOCK;
    void ended(const Exchange&, const TaskRecord&) UNDER_LOCK;
    void answer(const Exchange&, int status, const TaskRecord&, std::string_view what) UNDER_LOCK;

    Calls& calls_;
    Commands& commands_;
    Runs& runs_;
    Later later_;
};

} // namespace agenthost::hub
