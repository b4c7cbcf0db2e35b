// Keeps the book of game servers current: from events, from answers to commands of any caller, and by asking
// the agents that offer servers for their lists. Keeps what each server should do in the store. Under the
// hub's lock.
//
// An agent is asked when it connects, every `list_every`, and when it reports an unknown server or a change of
// its container engine. Only agents
// that have reported that they run containers are asked (by their capabilities, their registration or an
// event): agents of other software may not know the question. Agents that never answer it are asked again in
// their next session.
//
// More than 25 members: one function for each event of an agent and each kind of answer.
#pragma once

#include "book.hpp"
#include "placement.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/by_id.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/store/tables.hpp"
#include "plugins/hub/tasks/requests.hpp"
#include "reading.hpp"

#include "wire/message.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::hub {

class ServerWatch {
public:
    static constexpr auto list_every = std::chrono::seconds{60};
    // After connecting or an unknown server, so that a burst of events causes one question.
    static constexpr auto list_soon = std::chrono::seconds{1};
    static constexpr std::size_t page = 500;

    ServerWatch(Core& core, Fanout& fanout, Requests& requests, ServerTable& table, ReportTable& reports)
        : core_{core}, fanout_{fanout}, requests_{requests}, table_{table}, reports_{reports}
    {}
    void restore(std::vector<ServerRow>) UNDER_LOCK;
    // Called after each report of a server's status, and when a server is forgotten.
    using Observer = std::function<void(std::string_view agent, std::string_view server)>;
    void observe(Observer on_status) { on_status_ = std::move(on_status); }

    // What agents do and report.
    void ready(const AgentRecord&) UNDER_LOCK;
    void lost(std::string_view agent) UNDER_LOCK;
    void registered(const std::string& agent, std::string_view capabilities) UNDER_LOCK;
    void heartbeat(std::string_view agent, std::string_view facts) UNDER_LOCK;
    void event(std::string_view agent, const wire::Event&) UNDER_LOCK;
    // Every task, of any caller: those on servers change what is known of them.
    void began(const TaskRecord&) UNDER_LOCK;
    void ended(const TaskRecord&) UNDER_LOCK;

    [[nodiscard]] const ServerBook& book() const UNDER_LOCK { return book_; }
    [[nodiscard]] ServerBook::View view(std::function<bool(std::string_view)> sees) const UNDER_LOCK;
    // All agents that are connected, for placement.
    [[nodiscard]] std::vector<Node> nodes() const UNDER_LOCK;

private:
    struct Agent {
        Capacity told, listed; // by its registration; by its list of servers
        std::vector<UsedPort> used;
        NodeReport report;
        bool serves = false, never = false; // it has said so; it does not know the question
        bool asking = false, engine_away = false;
        bool ask_again = false; // the list that is being received may be outdated
        Timers::Id next{};
        std::vector<std::string> ids; // of the list that is being received
    };
    Agent& agent(std::string_view id) UNDER_LOCK;
    void save(const std::string& id, const char* kind, std::string_view capabilities) UNDER_LOCK;
    // An event reported what its registration would contain now.
    void changed(const std::string& id, std::string_view capabilities) UNDER_LOCK;
    // Its container engine stopped answering, or returned.
    void engine_changed(const std::string& id, std::string_view data) UNDER_LOCK;
    void offers(const std::string& id, Agent&) UNDER_LOCK;
    void ask_in(const std::string& id, Agent&, Timers::Time::duration) UNDER_LOCK;
    void ask(const std::string& id, const std::string& after) UNDER_LOCK;
    void answered(const std::string& id, const Requests::Answer&) UNDER_LOCK;
    void apply(const std::string& id, const ServerList&) UNDER_LOCK;
    static void learn(Agent&, const ServerList&);
    void prune(const std::string& id, const std::vector<std::string>& there) UNDER_LOCK;
    // From the answer to a command.
    void read_answer(const TaskRecord&, ServerRecord&) UNDER_LOCK;
    void created(const TaskRecord&, const std::string& server) UNDER_LOCK;
    void not_created(const TaskRecord&, const std::string& server) UNDER_LOCK;
    void want(ServerRecord&, DesiredState) UNDER_LOCK;
    void forget(const std::string& agent, const std::string& server) UNDER_LOCK;
    [[nodiscard]] Node node(const std::string& id) const UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    Requests& requests_;
    ServerTable& table_;
    ReportTable& reports_;
    Observer on_status_ = [](std::string_view, std::string_view) {};
    ServerBook book_ GUARDED;
    ById<Agent> agents_ GUARDED; // connected ones, and those whose registration said what they have
};

} // namespace agenthost::hub
