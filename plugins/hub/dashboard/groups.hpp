// Distributes updates to dashboards. Dashboards whose tokens see the same agents form a group, and a group's
// messages are encoded once. agent:list is sent at most once a second, agent:status at once. Bounds: bytes of
// a list, and bytes in flight to all dashboards (beyond that output is dropped for all, and the gap is
// reported). Under the hub's lock.
#pragma once

#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/access.hpp"
#include "plugins/hub/core/core.hpp"
#include "send_queue.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

// A key that is equal for callers that see the same agents.
std::string sight(const Caller&);

class DashboardGroups {
public:
    static constexpr auto list_spacing = std::chrono::seconds{1};
    static constexpr std::size_t max_list = 1U << 20;
    static constexpr std::size_t max_on_the_way = 4U << 20;

    DashboardGroups(Core& core, Fanout& fanout) : core_{core}, fanout_{fanout} {}

    void join(Conn, const Caller&, std::shared_ptr<ClientSendQueue>) UNDER_LOCK; // and sends it the agents
    void leave(Conn) UNDER_LOCK; // also allowed if it has not joined

    [[nodiscard]] bool seen(std::string_view agent) const UNDER_LOCK; // by any dashboard
    void tell(std::string_view agent, std::string frame) UNDER_LOCK;  // to all that see the agent
    // False: too much is in flight already; the caller drops this output.
    [[nodiscard]] bool tell(std::string_view agent, const ClientSendQueue::OfRun&, Conn except = {})
        UNDER_LOCK;
    void agent_changed(const AgentRecord&, bool online) UNDER_LOCK;

private:
    using SendQueues = std::vector<std::shared_ptr<ClientSendQueue>>;
    struct Group {
        Caller caller; // one of them
        std::vector<Conn> members;
        std::shared_ptr<const SendQueues> send_queues; // of the members; null: must be rebuilt
        Text list;
        std::uint64_t list_of = 0; // the change it shows
    };
    struct Member {
        std::string group;
        Caller caller;
        std::shared_ptr<ClientSendQueue> send_queue;
        std::uint64_t list_of = 0;
    };

    const std::shared_ptr<const SendQueues>& send_queues(Group&) UNDER_LOCK;
    Text list_for(Group&) UNDER_LOCK;
    void send_lists() UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    std::unordered_map<Conn, Member> members_ GUARDED;
    std::map<std::string, Group> groups_ GUARDED; // by sight
    std::uint64_t change_ GUARDED = 1;            // of agents
    bool lists_due_ GUARDED = false;
    std::shared_ptr<std::atomic<std::size_t>> on_the_way_ = std::make_shared<std::atomic<std::size_t>>(0);
};

} // namespace agenthost::hub
