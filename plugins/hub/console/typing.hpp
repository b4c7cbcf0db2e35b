// Delivers typed input to commands: in order and exactly once, even if the session is lost in between. A
// piece that is sent again has its offset in the command's input, so that an agent that already has it skips
// it.
//
// Bound: `max_bytes` bytes and `max_pieces` per run; a caller's request is open until the agent has its
// piece. Under the hub's lock.
#pragma once

#include "admin.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/runs/runs.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace agenthost::hub {

class RunTyping {
public:
    static constexpr std::size_t max_bytes = 1 << 20, max_pieces = 64;

    RunTyping(Core& core, Fanout& fanout, Runs& runs) : core_{core}, fanout_{fanout}, runs_{runs} {}

    void begun(const std::string& run) UNDER_LOCK { lines_[run].offset = 0; } // nothing was typed before
    // `size`: of the data, decoded.
    void forget(const std::string& run) UNDER_LOCK { lines_.erase(run); } // the run did not start
    void type(const std::string& run, RunControl::Input, std::size_t size, const ReplyPtr&) UNDER_LOCK;
    void status(const Run&) UNDER_LOCK;
    void agent_ready(std::string_view agent) UNDER_LOCK;
    void drain() UNDER_LOCK;

private:
    struct Piece {
        RunControl::Input input;
        std::size_t size;
        ReplyPtr reply;
        bool again = false;
    };
    struct Line {
        std::deque<Piece> pieces;
        std::size_t bytes = 0;
        std::optional<std::uint64_t> offset; // of the first piece in the agent's input; absent: unknown
        bool asked = false;
        std::chrono::milliseconds delay{};
        int misses = 0; // consecutive replies that the agent does not know the command
    };
    void pump(const std::string& run) UNDER_LOCK;
    void answered(const std::string& run, const Requests::Answer&) UNDER_LOCK;
    void done(Line&, const Requests::Answer&) UNDER_LOCK;
    void give_up(const std::string& run, std::string_view code, std::string_view why) UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    Runs& runs_;
    std::unordered_map<std::string, Line> lines_ GUARDED; // of open runs
};

} // namespace agenthost::hub
