// Passes the agents' events to each part of the hub, in the order that the parts need. Under the hub's lock.
#pragma once

#include "plugins/hub/agents/observer.hpp"
#include "plugins/hub/agents/reports.hpp"
#include "plugins/hub/console/console.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/enrolment_book.hpp"
#include "plugins/hub/dashboard/dashboards.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "plugins/hub/servers/control.hpp"
#include "plugins/hub/servers/watch.hpp"
#include "plugins/hub/shops/print_tasks.hpp"
#include "plugins/hub/store/tables.hpp"
#include "plugins/hub/tasks/commands.hpp"
#include "plugins/hub/tasks/requests.hpp"

namespace agenthost::hub {

class AgentEvents final : public AgentObserver {
public:
    struct Parts {
        Core& core;
        const AgentCredentials& credentials;
        Registry& registry;
        EnrolmentBook& book;
        Reports& reports;
        Commands& commands;
        Requests& requests;
        Runs& runs;
        PrintTasks& print_tasks;
        Dashboards& dashboards;
        Console& console;
        ServerWatch& servers;
        ServerControl& server_control;
    };
    explicit AgentEvents(const Parts& parts) : to_{parts} {}

    void ready(const AgentRecord&) override UNDER_LOCK;
    void lost(const AgentRecord&) override UNDER_LOCK;
    void by_token(const AgentRecord&, std::string_view jti, std::int64_t expires) override UNDER_LOCK;
    void credentials_changed() override UNDER_LOCK;
    void revoked(std::string_view agent) override UNDER_LOCK;
    void writable(std::string_view agent) override UNDER_LOCK;
    void not_taken(std::string_view agent, std::string_view task) override UNDER_LOCK;
    void too_large(std::string_view agent) override UNDER_LOCK;
    void result(std::string_view agent, const wire::Result&) override UNDER_LOCK;
    void progress(std::string_view agent, const wire::Progress&) override UNDER_LOCK;
    void stream(std::string_view agent, const wire::Stream&) override UNDER_LOCK;
    void heartbeat(std::string_view agent, const wire::Heartbeat&) override UNDER_LOCK;
    void metrics(std::string_view agent, const wire::Metrics&) override UNDER_LOCK;
    void log(std::string_view agent, const wire::Log&) override UNDER_LOCK;
    void event(std::string_view agent, const wire::Event&) override UNDER_LOCK;

private:
    void note(const AgentRecord&) UNDER_LOCK; // in the registry

    Parts to_;
};

} // namespace agenthost::hub
