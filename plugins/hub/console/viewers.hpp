// Callers of hub.exec and hub.attach: each is sent a run's output from a position on, at its own pace, then how the run ended.
//
// Nothing is kept for who is slow: it reads the run's output where it stopped, and a gap where that is gone. Before that happens the agent's
// session is not read for up to `reader_grace`, so that the agent waits for who is not much slower; it holds up what else the agent says,
// so who did not catch up in that time may not do it again for `rest`. Under the hub's lock, but
// pump(): the daemon's stream() may say BUSY, and nothing is called outside while the lock is held.
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

    // The run is known. `interrupts`: it does not outlive this caller. `notice`: what it should know besides, empty: nothing.
    void add(const ReplyPtr&, const std::string& run, std::uint64_t from, bool interrupts,
             std::string notice = {}) UNDER_LOCK;
    void writable(const Reply*) UNDER_LOCK; // the daemon has room again
    // The caller is gone, or is sent away. What is to be interrupted now, if anything.
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
        bool holds = false; // its agent's session
        Timers::Id hold{};
        Timers::Time may_hold{};
        std::function<void()> end; // once the run is over: says so
        std::deque<Piece> unsent;  // pump()'s alone
    };
    using ViewerPtr =
        std::shared_ptr<Viewer>; // dies outside the lock: its reply may wait for a callback of the daemon's
    static constexpr std::size_t batch = 64 << 10, turn = 1 << 20;
    static constexpr std::size_t hold_above = 512 << 10,
                                 release_below = 128 << 10; // of the 1 MiB that is kept of a run
    static constexpr auto rest = std::chrono::seconds{5};

    void status(const Reply*, const Run&) UNDER_LOCK;
    void wake(const ViewerPtr&) UNDER_LOCK;
    bool fetch(const ViewerPtr&) UNDER_LOCK; // false: nothing to send now
    void pump(const ViewerPtr&);             // [outside the lock]
    void remove(const ViewerPtr&) UNDER_LOCK;
    void look_at_lag(const ViewerPtr&, const Run&) UNDER_LOCK;
    void release(Viewer&) UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    Runs& runs_;
    std::unordered_map<const Reply*, ViewerPtr> viewers_ GUARDED;
    std::unordered_map<std::string, int> holds_ GUARDED; // agent -> viewers that hold its session
};

// `whole`: for a list; else what its caller wants to hear in the end.
std::string run_json(const Run&, bool whole, std::string_view notice = {});

} // namespace agenthost::hub
