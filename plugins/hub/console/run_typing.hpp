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

    void begun(const std::string& run) { lines_[run].offset = 0; } // nothing was typed before
    // `size`: of the data, decoded.
    void forget(const std::string& run) { lines_.erase(run); } // it did not begin
    void type(const std::string& run, Runs::Input, std::size_t size, const ReplyPtr&);
    void status(const Run&);
    void agent_ready(std::string_view agent);
    void drain();

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
    void pump(const std::string& run);
    void answered(const std::string& run, const Requests::Answer&);
    void done(Line&, const Requests::Answer&);
    void give_up(const std::string& run, std::string_view code, std::string_view why);

    Core& core_;
    Fanout& fanout_;
    Runs& runs_;
    std::unordered_map<std::string, Line> lines_; // of runs that are not over
};

} // namespace agenthost::hub
