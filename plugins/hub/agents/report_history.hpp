// Short histories of what agents report: metrics, events and logs. In memory only. Bounds: entries per
// history, and the bytes of all histories together; beyond them an agent's newest entry replaces its oldest,
// and an agent without a history gets none, which is counted. Pure. Not thread-safe: the hub's lock guards
// it.
#pragma once

#include "plugins/hub/core/by_id.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

struct ReportEntry {
    std::uint64_t seq = 0; // from 1, of this agent and kind
    std::int64_t at = 0;   // the hub's clock
    std::string json;      // an object
};
enum class ReportKind : std::uint8_t { metrics, events, logs };

class ReportHistories {
public:
    struct Limits {
        std::size_t samples, entries, memory; // samples: of metrics; entries: of events, and of logs
    };
    explicit ReportHistories(Limits limits) : limits_{limits} {}

    void add(std::string_view agent, ReportKind, std::int64_t at, std::string json);
    void forget(std::string_view agent);
    // Newest last; those after `seq`, at most `max` of them (the newest of them when seq is 0).
    [[nodiscard]] std::vector<const ReportEntry*> after(std::string_view agent, ReportKind, std::uint64_t seq,
                                                        std::size_t max) const;
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; } // entries for which there was no space

private:
    struct History {
        std::array<std::list<ReportEntry>, 3> entries; // by kind; an empty list allocates nothing
        std::array<std::uint64_t, 3> seq{};
    };
    static std::size_t cost(const ReportEntry& e) { return sizeof(ReportEntry) + 32 + e.json.size(); }

    const Limits limits_;
    ById<History> histories_;
    std::size_t bytes_ = 0;
    std::uint64_t dropped_ = 0;
};

} // namespace agenthost::hub
