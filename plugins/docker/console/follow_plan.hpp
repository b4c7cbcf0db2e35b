// Decides how the log of one container is followed until its last line: what to do next after each answer of
// the engine. Pure.
//
// When Docker 20.10 rotates a log, a follower silently returns wrong output: it repeats the beginning of the
// new file, or misses an entire file that has just begun. Reading a log to its current end is always correct.
// So on Docker, a follower's output only signals that there is something to read; during heavy output, the
// log is read to its end repeatedly. Only the newest messages are requested, and more if these do not reach
// back to the last position.
//
// The end of a stream is ambiguous: the container may have ended, or the engine. So the container is
// inspected, and if it no longer runs, its log is read until a reading returns nothing new.
#pragma once

#include <chrono>
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
        complete // there will be no more output
    };
    enum class Container : std::uint8_t { running, ended, absent, unknown };

    // The answer to `inspect`. unknown: no answer. Podman does not rotate, and stamps whole seconds: its logs
    // are only followed.
    Step on_inspected(Container, bool podman = false);
    // How many of the newest messages `read` and `follow` ask for, if `taken` old ones are repeated; nullopt:
    // all.
    [[nodiscard]] std::optional<std::uint32_t> tail(std::uint32_t taken) const;
    // A new part of the log has arrived.
    void on_part();
    // The newest messages did not reach back far enough: this reading must be discarded.
    Step on_cut();
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
    // A burst of output is read at once. Bounds the calls for a server that prints all the time.
    static constexpr std::chrono::milliseconds gather_time{50};

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
};

} // namespace agenthost::docker::console
