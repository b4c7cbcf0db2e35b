// Batches the output of runs for dashboards: sent after 50 ms or 10 KB, the first output after a pause at once; cut between characters and
// encoded once. Under the hub's lock.
#pragma once

#include "outlet.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/runs/runs.hpp"

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
    using Emit = std::function<void(const Run&, Outlet::OfRun)>;

    DashboardOutput(Core& core, const Runs& runs, Emit emit)
        : core_{core}, runs_{runs}, emit_{std::move(emit)}
    {}

    void base64(const std::string& run)
        UNDER_LOCK; // sends its output as base64; call it before the first output
    void add(const Run&, const RunChunk&) UNDER_LOCK;
    // These bytes were not sent to anyone; the next chunk reports them as dropped.
    void skip(const Run&, std::uint64_t bytes) UNDER_LOCK;
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
        std::vector<Piece> pieces;
        std::size_t bytes = 0; // of pieces
        std::array<wire::CommandBook::Channel, 2> channels;
        std::uint64_t sequence = 0, skipped = 0;
        Timers::Time flushed{};
        Timers::Id timer{};
        Text id;
        bool base64 = false;
    };
    void flush(const Run&, Stage&, bool all) UNDER_LOCK;
    std::size_t emit(const Run&, Stage&, Piece&) UNDER_LOCK;
    void put(const Run&, Stage&, std::uint32_t channel, std::uint64_t at, std::uint64_t bytes,
             std::uint64_t dropped, std::string_view data) UNDER_LOCK;

    Core& core_;
    const Runs& runs_;
    Emit emit_;
    std::unordered_map<std::string, Stage> stages_ GUARDED; // of runs that are not over
};

} // namespace agenthost::hub
