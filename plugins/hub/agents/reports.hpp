// Keeps the reports of agents: the latest heartbeat and metrics of each, and histories (report_history.hpp).
//
// The latest report of each kind is also written to the ReportTable, at most every `flush_every`, so a killed
// hub loses less than that. Bounds: bytes per entry (of larger ones only the size is kept), and agents (the
// one offline for longest is removed here; the table still has its latest reports). A heartbeat may be larger than
// an entry, as 250 printers need 64 KiB; all that is beyond entry_bytes together is bounded as well. Of one that is
// too large the size is kept, as `dropped_bytes` of the last that was not. Under the hub's lock.
//
// More than 25 members, because each kind of report and of query has a function of a few lines.
#pragma once

#include "plugins/hub/core/by_id.hpp"

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/store/tables.hpp"
#include "report_history.hpp"

#include "wire/message.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class Reports {
public:
    struct Limits {
        std::size_t samples = 120; // of metrics: ten minutes at signed's 5 s
        std::size_t entries = 200; // of events, and of logs
        std::size_t entry_bytes = 16U << 10;
        std::size_t memory = 64U << 20;
        std::size_t agents = 20'000;
        std::size_t heartbeat_bytes = 128U << 10;
        std::size_t large_heartbeats = 64U << 20; // what they have beyond entry_bytes, of all agents
    };
    static constexpr auto flush_every = std::chrono::seconds{5};

    using Entry = ReportEntry;
    using Kind = ReportKind;

    Reports(Core& core, ReportTable& table, Limits limits)
        : core_{core}, table_{table}, limits_{limits}, histories_{{.samples = limits.samples,
                                                                   .entries = limits.entries,
                                                                   .memory = limits.memory}}
    {}
    Reports(Core& core, ReportTable& table) : Reports{core, table, Limits{}} {}

    void heartbeat(std::string_view agent, const wire::Heartbeat&) UNDER_LOCK;
    void metrics(std::string_view agent, const wire::Metrics&) UNDER_LOCK;
    void event(std::string_view agent, const wire::Event&) UNDER_LOCK;
    void log(std::string_view agent, const wire::Log&) UNDER_LOCK;
    void stream(std::string_view agent, const wire::Stream&) UNDER_LOCK;
    void ready(std::string_view agent) UNDER_LOCK; // it has reconnected
    void lost(std::string_view agent) UNDER_LOCK;
    void forget(std::string_view agent) UNDER_LOCK; // it was revoked
    void flush() UNDER_LOCK;                        // writes pending reports to the table

    // nullptr: none since start-up.
    [[nodiscard]] const Entry* last_heartbeat(std::string_view agent) const UNDER_LOCK;
    [[nodiscard]] const Entry* last_metrics(std::string_view agent) const UNDER_LOCK;
    [[nodiscard]] const ReportHistories& histories() const UNDER_LOCK { return histories_; }
    [[nodiscard]] std::size_t agents() const UNDER_LOCK { return agents_.size(); }

private:
    struct Agent {
        Entry heartbeat;
        std::unique_ptr<Entry> metrics; // most agents report none
        std::uint64_t away = 0;         // its position in away_; 0: online
        bool new_heartbeat = false, new_metrics = false;
        bool waits = false; // is in dirty_
    };
    using Agents = ById<Agent>;

    bool keep(Agent&, std::string_view facts) UNDER_LOCK;
    [[nodiscard]] std::size_t excess(const Agent&) const UNDER_LOCK;
    Agent* agent(std::string_view id) UNDER_LOCK; // created if new; nullptr: no space
    void sample(std::string_view id, Agent&, std::string json) UNDER_LOCK;
    void dirty(std::string_view id, Agent&) UNDER_LOCK;
    void erase(Agents::iterator) UNDER_LOCK;

    Core& core_;
    ReportTable& table_;
    const Limits limits_;
    ReportHistories histories_ GUARDED; // of agents_
    Agents agents_ GUARDED;
    std::map<std::uint64_t, std::string> away_ GUARDED; // in order of disconnecting
    std::vector<std::string> dirty_ GUARDED;
    std::uint64_t last_away_ GUARDED = 0;
    std::size_t excess_ GUARDED = 0; // of heartbeats beyond entry_bytes
    bool flush_armed_ GUARDED = false;
};

} // namespace agenthost::hub
