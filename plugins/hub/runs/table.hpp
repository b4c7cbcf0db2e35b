// Keeps the runs and their output within bounds: output of one run and of all together (the oldest is dropped
// first, that of ended runs before that of open ones), and the number of ended runs. Pure. Not thread-safe:
// the hub's lock guards it.
#pragma once

#include "plugins/hub/core/by_id.hpp"

#include "channels.hpp"
#include "run.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

struct RunEntry {
    Run run;
    RunChannels channels;
    // The agent may have it.
    bool sent = false;
    // The request that fetches missed output, and the number of such requests in this session; empty: none.
    std::string replay;
    int rounds = 0;
    // The run's end, if it was reported while missed output is fetched.
    std::unique_ptr<TaskRecord> end;
};

class RunTable {
public:
    struct Limits {
        std::size_t output = 1U << 20;
        std::size_t memory = 64U << 20;
        std::size_t over = 256;
    };
    explicit RunTable(Limits limits) : limits_{limits} {}
    RunTable() : RunTable{Limits{}} {}

    // nullptr: there is a run with this id.
    RunEntry* add(Run);
    // nullptr: no such run.
    [[nodiscard]] RunEntry* entry(std::string_view id);
    [[nodiscard]] const Run* find(std::string_view id) const;
    // Oldest first; all() also has the ended runs that are kept.
    [[nodiscard]] std::vector<const Run*> all() const;
    [[nodiscard]] std::vector<const Run*> open() const;
    [[nodiscard]] std::vector<std::string> open_of(std::string_view agent) const; // in any order

    // Adds output, after `missing` lost bytes.
    RunChunk append(RunEntry&, std::uint32_t channel, std::uint64_t missing, std::string_view bytes);
    // The run has ended. Removes the oldest ended runs beyond the limit; perhaps this one.
    void retire(const std::string& id);

    [[nodiscard]] std::size_t memory() const { return memory_; }

private:
    void make_space(Run& newest);
    void trim(Run&, std::size_t max_cost);

    const Limits limits_;
    ById<RunEntry> runs_;
    std::deque<std::string> over_; // oldest first
    std::size_t memory_ = 0;
};

} // namespace agenthost::hub
