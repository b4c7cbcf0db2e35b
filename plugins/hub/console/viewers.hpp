// Serves the callers of hub.exec and hub.attach: each receives a run's output from an offset on, at its own
// pace, then the result.
//
// Nothing is buffered for slow viewers: they read the run's output from where they stopped, with a gap if it
// has been dropped. Before that the agent's session is paused for up to `reader_grace`, so that the agent
// waits for a slightly slower viewer. The pause delays all other frames of the agent, so a viewer that did
// not catch up may not cause another one for `rest`. Under the hub's lock, except pump(): the daemon's
// stream() may return BUSY, and nothing outside is called under the lock.
#pragma once

#include "admin.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/runs/runs.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace agenthost::hub {

class RunViewers {
public:
    RunViewers(Core& core, Fanout& fanout, Runs& runs) : core_{core}, fanout_{fanout}, runs_{runs} {}

    // The run exists. `interrupts`: the run ends with this caller. `notice`: an additional message for the
    // caller, or empty.
    void add(const ReplyPtr&, const std::string& run, std::uint64_t from, bool interrupts,
             std::string notice = {}) UNDER_LOCK;
    void writable(const Reply*) UNDER_LOCK; // the daemon's queue has space again
    // The caller is gone or dismissed. Returns the run to interrupt now, if any.
    std::optional<std::string> left(const Reply*, std::string_view code, std::string_view why) UNDER_LOCK;
    [[nodiscard]] std::vector<const Reply*> all() const UNDER_LOCK;

private:
    struct Piece {
        std::uint32_t channel;
        std::uint64_t offset; // in its channel
        std::string bytes;
    };
    struct Viewer {
        ReplyPtr reply;
        std::string run, agent, notice;
        bool interrupts = false;
        std::uint64_t position = 0, watch = 0;
        std::array<std::uint64_t, 2> next{}; // of each channel
        bool pumping = false, again = false;
        bool holds = false; // pauses its agent's session
        Timers::Id hold{};
        Timers::Time may_hold{};
        std::function<void()> end; // called after the run has ended, sends the result
        std::deque<Piece> unsent;  // used by pump() only
    };
    using ViewerPtr = std::shared_ptr<
        Viewer>; // destroyed outside the lock: its reply may wait for a callback of the daemon
    static constexpr std::size_t batch = 64 << 10, turn = 1 << 20;
    // Of the 1 MiB kept per run.
    static constexpr std::size_t hold_above = 512 << 10, release_below = 128 << 10;
    static constexpr auto rest = std::chrono::seconds{5};

    void status(const Reply*, const Run&) UNDER_LOCK;
    void wake(const ViewerPtr&) UNDER_LOCK;
    bool fetch(const ViewerPtr&) UNDER_LOCK; // false: nothing to send now
    void pump(const ViewerPtr&);             // [outside the lock]
    void remove(const ViewerPtr&) UNDER_LOCK;
    void check_lag(const ViewerPtr&, const Run&) UNDER_LOCK;
    void release(Viewer&) UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    Runs& runs_;
    std::unordered_map<const Reply*, ViewerPtr> viewers_ GUARDED;
    std::unordered_map<std::string, int> holds_ GUARDED; // agent -> number of viewers that pause its session
};

// `whole`: all members, for a list; else only the result for the caller.
std::string run_json(const Run&, bool whole, std::string_view notice = {});

} // namespace agenthost::hub
