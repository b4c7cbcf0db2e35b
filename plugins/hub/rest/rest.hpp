// The REST routes: who may, which route, and the command API. What agents report, shops' tasks and the signed protocol's routes have
// files of their own. Under the hub's lock.
#pragma once

#include "files.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/http/router.hpp"
#include "plugins/hub/tasks/calls.hpp"
#include "print_tasks.hpp"
#include "reports_rest.hpp"
#include "runs_rest.hpp"
#include "signed_rest.hpp"
#include "tasks_rest.hpp"

namespace agenthost::hub {

class Rest {
public:
    Rest(Core& core, const Credentials& credentials, Fanout& fanout, Calls& calls, Files& files,
         PrintTasks& print, SignedRest& signed_rest, ReportsRest& reports, RunsRest& runs, TasksRest& tasks)
        : core_{core}, credentials_{credentials}, fanout_{fanout}, calls_{calls}, files_{files},
          print_{print}, signed_{signed_rest}, reports_{reports}, runs_{runs}, tasks_{tasks}
    {}

    void request(Conn, const Head&);

private:
    void serve(Conn, const Head&, const Match&, const Caller&);
    void serve_agent(Conn, const Head&, const Match&, const std::string& id);
    void command(Conn, const Head&, const std::string& agent);
    void run_command(Conn, const std::string& agent, const std::string& body);
    void too_many(Conn, long wait);

    Core& core_;
    const Credentials& credentials_;
    Fanout& fanout_;
    Calls& calls_;
    Files& files_;
    PrintTasks& print_;
    SignedRest& signed_;
    ReportsRest& reports_;
    RunsRest& runs_;
    TasksRest& tasks_;
};

} // namespace agenthost::hub
