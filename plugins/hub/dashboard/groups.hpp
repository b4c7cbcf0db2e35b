// Who hears of which agent. Dashboards whose tokens let them see the same agents are one group, and what a group is told is encoded
// once. agent:list goes to each at most once a second, agent:status at once. Bounds: bytes of a list, and bytes on their way to all
// (then output is dropped for all, and the gap is told). Under the hub's lock.
#pragma once

#include "outlet.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/access.hpp"
#include "plugins/hub/core/core.hpp"

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

// The same for two who see the same agents.
std::string sight(const Caller&);

class DashboardGroups {
public:
    static constexpr auto list_spacing = std::chrono::seconds{1};
    static constexpr std::size_t most_list = 1U << 20;
    static constexpr std::size_t most_on_the_way = 4U << 20;

    DashboardGroups(Core& core, Fanout& fanout) : core_{core}, fanout_{fanout} {}

    void join(Conn, const Caller&, std::shared_ptr<Outlet>) UNDER_LOCK; // and is sent the agents
    void leave(Conn) UNDER_LOCK;                                        // who has not joined may, too

    [[nodiscard]] bool seen(std::string_view agent) const UNDER_LOCK; // by somebody
    void tell(std::string_view agent, std::string frame) UNDER_LOCK;  // to those who see the agent
    // False: too much is on its way already, and this is output, which can be dropped.
    [[nodiscard]] bool tell(std::string_view agent, const Outlet::OfRun&, Conn except = {}) UNDER_LOCK;
    void agent_changed(const AgentRecord&, bool online) UNDER_LOCK;

private:
    using Outlets = std::vector<std::shared_ptr<Outlet>>;
    struct Group {
        Caller caller; // one of them
        std::vector<Conn> members;
        std::shared_ptr<const Outlets> outlets; // of the members; null: to be made anew
        Text list;
        std::uint64_t list_of = 0; // the change it shows
    };
    struct Member {
        std::string group;
        Caller caller;
        std::shared_ptr<Outlet> outlet;
        std::uint64_t list_of = 0;
    };

    const std::shared_ptr<const Outlets>& outlets(Group&) UNDER_LOCK;
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
