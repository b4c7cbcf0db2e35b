// Forwards the output of runs to dashboards: each piece as the agent sent it, encoded once. Under the hub's
// lock.
//
// The terminal plugin batches and splits output (plugins/terminal/reader.hpp): 10 KB or 50 ms, between
// characters. Other agents may not. Only output that would exceed the protocol's limits is changed here:
//   a piece of more than 10 KB is split
//   a character cut by the end of a piece is sent with the next piece
//   small pieces beyond `pieces_per_second` are gathered, for 50 ms, up to 10 KB or `max_gathered`
#pragma once

#include "plugins/hub/core/allowance.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "send_queue.hpp"

#include "wire/dashboard/output.hpp"

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class DashboardOutput {
public:
    static constexpr auto gather = std::chrono::milliseconds{50};
    // One for each stream of a run every 50 ms. After a second of silence as many are accepted at once,
    // because a slow network delivers them so.
    static constexpr double pieces_per_second = 40;
    // Pieces of one run. Those of the two streams are not joined, so small ones that alternate reach this
    // before 10 KB.
    static constexpr std::size_t max_gathered = 64;
    using Emit = std::function<void(const Run&, ClientSendQueue::OfRun)>;

    DashboardOutput(Core& core, const Runs& runs, Emit emit)
        : core_{core}, runs_{runs}, emit_{std::move(emit)}
    {}

    void base64(const std::string& run)
        UNDER_LOCK; // sends its output as base64; call it before the first output
    void add(const Run&, const RunChunk&) UNDER_LOCK;
    // These bytes were not sent to anyone; the next chunk reports them as dropped.
    void skip(const Run&, std::uint64_t bytes) UNDER_LOCK;
    // No dashboard sees this run now: the beginning of a character must not be joined with later output.
    void unwatched(const Run&) UNDER_LOCK;
    // Sends the remaining output now.
    void end(const Run&) UNDER_LOCK;
    void forget(std::string_view run) UNDER_LOCK;
    [[nodiscard]] std::size_t size() const UNDER_LOCK { return stages_.size(); }

private:
    struct Piece {
        std::uint32_t channel;
        std::uint64_t at, dropped;
        std::string bytes;
    };
    struct Stage {
        Text id;
        bool base64 = false;
        std::array<wire::CommandBook::Channel, 2> channels;
        std::uint64_t sequence = 0, skipped = 0;
        Allowance small{pieces_per_second};
        std::vector<Piece> gathered; // small pieces beyond it
        std::size_t gathered_bytes = 0;
        Timers::Id timer{}; // while something is gathered
    };
    Stage& stage_of(const Run&) UNDER_LOCK;
    void hold(const Run&, Stage&, const RunChunk&) UNDER_LOCK;
    void release(const Run&, Stage&) UNDER_LOCK; // the gathered pieces
    void forward(const Run&, Stage&, RunChunk) UNDER_LOCK;
    void emit(const Run&, Stage&, RunChunk&) UNDER_LOCK;
    void put(const Run&, Stage&, std::uint32_t channel, std::uint64_t at, std::uint64_t bytes,
             std::uint64_t dropped, std::string_view data) UNDER_LOCK;

    Core& core_;
    const Runs& runs_;
    Emit emit_;
    std::unordered_map<std::string, Stage> stages_ GUARDED; // of runs that are not over
};

} // namespace agenthost::hub
