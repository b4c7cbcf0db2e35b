// The hub's parts, one struct for each group of features. A part uses only parts before it, in its own struct
// and in earlier ones: they are constructed in this order and destroyed in the reverse order.
#pragma once

#include "plugins/hub/agents/registration.hpp"
#include "plugins/hub/agents/reports.hpp"
#include "plugins/hub/agents/sessions.hpp"
#include "plugins/hub/console/admin.hpp"
#include "plugins/hub/console/console.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/credentials/enrolment_book.hpp"
#include "plugins/hub/credentials/keys.hpp"
#include "plugins/hub/dashboard/dashboards.hpp"
#include "plugins/hub/http/exchanges.hpp"
#include "plugins/hub/http/spool.hpp"
#include "plugins/hub/rest/agent_commands.hpp"
#include "plugins/hub/rest/files.hpp"
#include "plugins/hub/rest/reports.hpp"
#include "plugins/hub/rest/rest.hpp"
#include "plugins/hub/rest/runs.hpp"
#include "plugins/hub/rest/signed_agents.hpp"
#include "plugins/hub/rest/tasks.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "plugins/hub/servers/calls.hpp"
#include "plugins/hub/servers/control.hpp"
#include "plugins/hub/servers/file_routes.hpp"
#include "plugins/hub/servers/fleet.hpp"
#include "plugins/hub/servers/placer.hpp"
#include "plugins/hub/servers/rest.hpp"
#include "plugins/hub/servers/watch.hpp"
#include "plugins/hub/shops/control.hpp"
#include "plugins/hub/shops/orders.hpp"
#include "plugins/hub/shops/print_tasks.hpp"
#include "plugins/hub/shops/receipts.hpp"
#include "plugins/hub/shops/shops_rest.hpp"
#include "plugins/hub/store/enrolment.hpp"
#include "plugins/hub/store/nonces.hpp"
#include "plugins/hub/store/servers.hpp"
#include "plugins/hub/store/store.hpp"
#include "plugins/hub/tasks/calls.hpp"
#include "plugins/hub/tasks/commands.hpp"
#include "plugins/hub/tasks/requests.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::hub {

// The hub's files. Opening blocks; it throws std::runtime_error with what, where and how to fix it.
struct Disk {
    explicit Disk(const Core&);

    Store::Loaded loaded; // until the hub starts
    Store store;
    StoreEnrolment::Loaded loaded_credentials; // until the agents have them
    StoreEnrolment enrolments;
    RootKey root; // after them: it must exist if the database has credentials that were derived from it
    StoreNonces nonces;
    StoreServers::Loaded loaded_servers; // until the hub starts
    StoreServers servers;
    std::shared_ptr<Spool> spool;
};

// Agents that may connect, and those that are connected.
struct Agents {
    Agents(Core&, Exchanges&, Disk&);
    void admit(Disk&) UNDER_LOCK; // takes the credentials that were loaded

    // Called when an agent has registered.
    std::function<void(const std::string& agent, std::string_view capabilities)> registered GUARDED;
    Credentials credentials GUARDED;
    EnrolmentBook book GUARDED;
    Sessions sessions GUARDED;
    Registration registration GUARDED;
    Reports reports GUARDED;
};

// The work that agents are asked to do.
struct Work {
    Work(Core&, Disk&, Agents&);

    Commands commands GUARDED;
    Requests requests GUARDED;
    Calls calls GUARDED;
    Runs runs GUARDED;
};

// The game servers of agents.
struct Servers {
    Servers(Core&, Disk&, Agents&, Work&);

    ServerWatch watch GUARDED;
    ServerCalls calls GUARDED;
    Placer placer GUARDED;
    ServerControl control GUARDED;
    ServersRest rest GUARDED;
    ServerFilesRest files GUARDED;
    FleetRest fleet GUARDED;
};

// Print shops.
struct Shops {
    Shops(Core&, Disk&, Agents&, Work&);

    PrintTasks tasks GUARDED;
    PrintOrders orders GUARDED;
    Receipts receipts GUARDED;
    ShopsRest rest GUARDED;
    ShopControl control GUARDED;
};

// The interfaces for people: command line, dashboards, the machine's administrator.
struct Operators {
    Operators(Core&, Exchanges&, Disk&, Agents&, Work&);

    Console console GUARDED;
    Dashboards dashboards GUARDED;
    Admin admin GUARDED;
};

// The REST interface.
struct RestFeatures {
    RestFeatures(Core&, Exchanges&, Disk&, Agents&, Work&, Operators&);
    void add_routes(Agents&, Servers&, Shops&) UNDER_LOCK;

    Files files GUARDED;
    SignedRest signed_agents GUARDED;
    ReportsRest reports GUARDED;
    RunsRest runs GUARDED;
    TasksRest tasks GUARDED;
    AgentCommands agent_commands GUARDED;
    Rest rest GUARDED;
};

} // namespace agenthost::hub
