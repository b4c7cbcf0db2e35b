// Decides how the log of one container is followed until its last line: what to do next after each answer of
// the engine. Pure.
//
// When Docker 20.10 rotates a log, a follower silently returns wrong output: it repeats the beginning of the
// new file, or misses an entire file that has just begun. Reading a log to its current end is always correct.
// So on Docker, a follower's output only signals that there is something to read; during heavy output, the
// log is read to its end repeatedly. Only the newest messages are requested, and more if these do not reach
// back to the last position.
//
// The engine needs more CPU to read a log than the server to write it. So in a flood, the log is read for at
// most a thirtieth of the time, and the rest of it once the flood is over, unless rotation has dropped it.
// Each second a look at the newest messages shows whether it is over. If rotation has dropped messages, only
// the newest are read, as many as the console keeps.
//
// The end of a stream is ambiguous: the container may have ended, or the engine. So the container is
// inspected, and if it no longer runs, its log is read until a reading returns nothing new.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace agenthost::docker::console {

class FollowPlan {
public:
    enum class Step : std::uint8_t {
        inspect,
        read,    // from the last position to the current end
        follow,  // from the last position on, and wait for more
        gather,  // gather_time, then on_gathered()
        wait,    // delay(), then inspect
        peek,    // look at the newest peek_messages, then on_peeked()
        rest,    // rest_time, then on_rested()
        complete // there will be no more output
    };
    using Time = std::chrono::steady_clock::time_point;
    enum class Container : std::uint8_t { running, ended, absent, unknown };

    // The answer to `inspect`. unknown: no answer. Podman does not rotate, and stamps whole seconds: its logs
    // are only followed.
    Step on_inspected(Container, bool podman = false);
    // How many of the newest messages `read` and `follow` ask for, if `taken` old ones are repeated; nullopt:
    // all.
    [[nodiscard]] std::optional<std::uint32_t> tail(std::uint32_t taken) const;
    // A new part of the log has arrived. True: this is a flood. End the reading and call on_flood().
    [[nodiscard]] bool on_part(std::size_t bytes);
    // `took`: how long the reading lasted.
    Step on_flood(Time now, std::chrono::nanoseconds took);
    struct Newest {
        std::uint32_t messages = 0;
        std::int64_t first_ns = 0, last_ns = 0;
    };
    Step on_peeked(const Newest&, Time now);
    Step on_rested() { return Step::peek; }
    // The newest messages did not reach back far enough: this reading must be discarded.
    Step on_cut();
    // Rotation has dropped messages after the last position: this reading must be discarded.
    Step on_lost();
    // Whether the next reading begins after a gap.
    [[nodiscard]] bool lost() const { return lost_; }
    // Docker's follower has returned something new, which is not used.
    Step on_output();
    Step on_gathered();
    // The follower is silent although there is output.
    Step on_behind();
    // The reading that `read` or `follow` began has ended. `clean`: the engine's answer ended normally.
    Step on_end(bool clean);
    [[nodiscard]] std::chrono::milliseconds delay() const { return delay_; }

    static constexpr std::chrono::milliseconds min_delay{100}, max_delay{5000};
    // A reading that returns more new messages than this is followed by another one.
    static constexpr std::uint32_t few = 100;
    // A burst of output is collected by the engine and read together. Bounds the calls for a server that prints all the time.
    static constexpr std::chrono::milliseconds gather_time{50};

    // What a running server may have printed before a reading counts as a flood.
    static constexpr std::uint32_t burst_messages = 2000;
    static constexpr std::size_t burst_bytes = 1024 * 1024;
    // The same after a look that showed no flood: a backlog of the time while nobody read.
    static constexpr std::uint32_t backlog_messages = 200'000;
    static constexpr std::size_t backlog_bytes = 32 * 1024 * 1024;
    // About as many as the console keeps.
    static constexpr std::uint32_t kept_messages = 10'000;
    // If a server prints this many messages in less than this time, it is a flood.
    static constexpr std::uint32_t peek_messages = 500;
    static constexpr std::chrono::milliseconds flood_time{100};
    static constexpr std::chrono::seconds rest_time{1}, max_rest{60};
    // How much longer than a reading the pause after it is.
    static constexpr int rest_factor = 30;

    // How many new messages a reading allows for.
    static constexpr std::uint64_t min_reach = 500, max_reach = 1'000'000;

private:
    Step begin(bool follow);
    Step wait();

    bool podman_ = false;
    bool following_ = false, ended_ = false;
    // The rest was read and contained nothing new.
    bool finished_ = false;
    // Whether the next reading asks for all messages; if not, for how many new ones.
    bool all_ = false;
    std::uint64_t reach_ = min_reach;
    // New parts of this reading and of the previous one.
    std::uint32_t new_ = 0, last_new_ = 0;
    // Readings in a row.
    std::uint32_t failed_ = 0;
    std::chrono::milliseconds delay_{0};
    std::size_t bytes_ = 0; // of the new parts of this reading
    // What the last look has shown, until a reading has reached the end.
    enum class Output : std::uint8_t { usual, flood, backlog };
    Output output_ = Output::usual;
    Time rest_until_{}; // until then, a flood is not read
    bool lost_ = false;
    std::int64_t newest_ns_ = 0; // at the previous look, if this is a flood
};

} // namespace agenthost::docker::console
