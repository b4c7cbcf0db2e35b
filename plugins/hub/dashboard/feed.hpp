// Forwards the events of agents to the dashboards that subscribed to them, encoded once. Under the hub's lock.
//
// A dashboard names an agent ("*": every one that its token sees), topics and perhaps a server. A server's
// console can be fast, so nothing is sent unasked. Bounds: subscriptions of a dashboard, events a second of
// an agent, bytes of an event and on their way to all dashboards, and each dashboard's queue
// (event_queue.hpp). What is left out is counted, and the dashboard is told.
#pragma once

#include "plugins/hub/core/allowance.hpp"
#include "plugins/hub/core/by_id.hpp"
#include "plugins/hub/core/core.hpp"
#include "send_queue.hpp"
#include "session.hpp"

#include "wire/dashboard/client.hpp"
#include "wire/message.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class DashboardFeed {
public:
    static constexpr std::size_t max_subscriptions = 256;
    static constexpr std::size_t max_data = 64U << 10;
    static constexpr std::size_t max_on_the_way = 4U << 20;
    // Of one agent, with its servers; lines of consoles are counted apart, so that they do not displace the
    // rest. An agenthost sends at most 10 events a second of each server's console.
    static constexpr double events_per_second = 1'000;
    // nullptr: the dashboard is gone, or being closed.
    using Find = std::function<DashboardSession*(Conn)>;

    DashboardFeed(Core& core, Find find) : core_{core}, find_{std::move(find)} {}

    void subscribe(DashboardSession&, const wire::dashboard_client::Subscribe&) UNDER_LOCK;
    void leave(Conn) UNDER_LOCK; // also allowed if it has not subscribed
    // `task`: whose progress it is; may be empty.
    void event(std::string_view agent, const wire::Event&, std::string_view task = {}) UNDER_LOCK;
    void agent_lost(std::string_view agent) UNDER_LOCK;

    [[nodiscard]] std::size_t subscriptions(Conn) const UNDER_LOCK;

private:
    struct Wish {
        std::string agent, server; // server: empty: all
        std::vector<std::string> topics;
        [[nodiscard]] bool covers(std::string_view topic, std::string_view server) const;
    };
    using Recipients = std::vector<std::shared_ptr<ClientSendQueue>>;
    struct Rate {
        Allowance allowance{events_per_second};
        std::uint64_t skipped = 0;                      // not reported yet
        std::shared_ptr<const Recipients> to = nullptr; // for whom the last one was
        Timers::Id notice{};
    };
    static constexpr auto notice_after = std::chrono::seconds{1};
    using Rates = std::array<Rate, 2>; // of other events, of lines
    void skip(std::string_view agent, std::size_t kind, std::shared_ptr<const Recipients>) UNDER_LOCK;
    void tell_skipped(std::string_view agent, std::size_t kind) UNDER_LOCK;
    void collect(std::string_view key, std::string_view agent, const wire::Event&, std::string_view topic,
                 Recipients&) UNDER_LOCK;
    void unindex(std::string_view agent, Conn) UNDER_LOCK;

    Core& core_;
    const Find find_;
    std::unordered_map<Conn, std::vector<Wish>> wishes_ GUARDED;
    ById<std::vector<Conn>> by_agent_ GUARDED; // who subscribed to it; "*" too
    ById<Rates> rates_ GUARDED;                // of agents with events
    std::shared_ptr<std::atomic<std::size_t>> on_the_way_ = std::make_shared<std::atomic<std::size_t>>(0);
};

} // namespace agenthost::hub
