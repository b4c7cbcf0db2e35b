// What people type into commands: in order, each piece once, also over a session that is lost in the middle. A piece that is sent again
// says where in the command's input it begins, so an agent that has it already leaves it out.
//
// Bound: `most` bytes and `most_pieces` a run; a caller's request is open until the agent has its piece. Under the hub's lock.
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
    static constexpr std::size_t most = 1 << 20, most_pieces = 64;

    RunTyping(Core& core, Fanout& fanout, Runs& runs) : core_{core}, fanout_{fanout}, runs_{runs} {}

    void begun(const std::string& run) UNDER_LOCK { lines_[run].offset = 0; } // nothing was typed before
    // `size`: of the data, decoded.
    void forget(const std::string& run) UNDER_LOCK { lines_.erase(run); } // it did not begin
    void type(const std::string& run, Runs::Input, std::size_t size, const ReplyPtr&) UNDER_LOCK;
    void status(const Run&) UNDER_LOCK;
    void agent_ready(std::string_view agent) UNDER_LOCK;
    void drain() UNDER_LOCK;

private:
    struct Piece {
        Runs::Input input;
        std::size_t size;
        ReplyPtr reply;
        bool again = false;
    };
    struct Line {
        std::deque<Piece> pieces;
        std::size_t bytes = 0;
        std::optional<std::uint64_t> offset; // of the first piece, as the agent counts; absent: not known yet
        bool asked = false;
        std::chrono::milliseconds delay{};
        int misses = 0; // in a row: the agent did not know the command
    };
    void pump(const std::string& run) UNDER_LOCK;
    void answered(const std::string& run, const Requests::Answer&) UNDER_LOCK;
    void done(Line&, const Requests::Answer&) UNDER_LOCK;
    void give_up(const std::string& run, std::string_view code, std::string_view why) UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    Runs& runs_;
    std::unordered_map<std::string, Line> lines_ GUARDED; // of runs that are not over
};

} // namespace agenthost::hub
