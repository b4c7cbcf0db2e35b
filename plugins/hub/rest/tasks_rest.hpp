// GET and DELETE /api/tasks/ID: what became of a task, and cancelling it. Under the hub's lock.
//
// DELETE answers with the task and `cancel`:
//   removed      it had not been sent; the agent never hears of it
//   interrupted  a command on a terminal: the agent was told to interrupt it (?force=true: to kill it), its end is still to come (202)
//   waiting      the same, but the agent is away or slow: it is told as soon as it is there (202)
//   abandoned    sent, and no protocol has a word for calling it back: the hub no longer waits for it or sends it again; the agent may
//                carry it out
// A task that has ended is 409 TASK_ENDED.
#pragma once

#include "plugins/hub/core/access.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "plugins/hub/tasks/calls.hpp"
#include "plugins/hub/tasks/commands.hpp"

#include <functional>
#include <string>

namespace agenthost::hub {

class TasksRest {
public:
    // Interrupts a run once its agent is back.
    using Later = std::function<void(const std::string& id, bool force)>;

    TasksRest(Core& core, Calls& calls, Commands& commands, Runs& runs, Later later)
        : core_{core}, calls_{calls}, commands_{commands}, runs_{runs}, later_{std::move(later)}
    {}

    void show(Conn, const std::string& id, const Caller&);
    void cancel(Conn, const Head&, const std::string& id, const Caller&);

private:
    void find(Conn, const std::string& id, const Caller&, std::function<void(const TaskRecord&)> then);
    void interrupt(Conn, const std::string& id, bool force);
    void ended(Conn, const TaskRecord&);
    void answer(Conn, int status, const TaskRecord&, std::string_view what);

    Core& core_;
    Calls& calls_;
    Commands& commands_;
    Runs& runs_;
    Later later_;
};

} // namespace agenthost::hub
