// Decides how the log of one container is followed until its last line: what to do next after each answer of
// the engine. Pure.
//
// A follower of Docker 20.10 is wrong when the log is rotated, and says nothing: it begins the new file a
// second time after some of its messages, or misses a whole file when it has just begun. A log that is read
// to its present end is right. So what a follower of Docker brings only tells that there is output, which is
// then read; while much comes, the log is read to its end again and again. Only the newest messages are asked
// for; when these do not reach back to the last position, more are.
//
// The end of a stream says little: the container may have ended, or the engine. So it leads to an inspection,
// and the rest of a container that no longer runs is read until a reading brings nothing new.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace agenthost::docker::console {

class FollowPlan {
public:
    enum class Step : std::uint8_t {
        inspect,
        read,    // from the last position to the present end
        follow,  // from the last position on, and wait for more
        gather,  // gather_time, then on_gathered()
        wait,    // delay(), then inspect
        complete // nothing more will come
    };
    enum class Container : std::uint8_t { running, ended, absent, unknown };

    // The answer to `inspect`. unknown: there was none. Podman does not rotate, and stamps whole seconds: its
    // logs are only followed.
    Step on_inspected(Container, bool podman = false);
    // How many of the newest messages `read` and `follow` ask for, when `taken` old ones come again; nullopt:
    // all.
    [[nodiscard]] std::optional<std::uint32_t> tail(std::uint32_t taken) const;
    // A part of the log that is new has come.
    void on_part();
    // The newest messages were too few: what has come of this reading is not to be used.
    Step on_cut();
    // The follower of Docker has brought something new, which is not used.
    Step on_output();
    Step on_gathered();
    // The follower is silent while there is output.
    Step on_behind();
    // The reading that `read` or `follow` began has ended. `clean`: as the engine's answer ends.
    Step on_end(bool clean);
    [[nodiscard]] std::chrono::milliseconds delay() const { return delay_; }

    static constexpr std::chrono::milliseconds min_delay{100}, max_delay{5000};
    // A reading that brings more is followed by another one.
    static constexpr std::uint32_t few = 100;
    // A burst of output is read at once. Bounds the calls for a server that prints all the time.
    static constexpr std::chrono::milliseconds gather_time{50};

    // For how many new messages a reading is made.
    static constexpr std::uint64_t min_reach = 500, max_reach = 1'000'000;

private:
    Step begin(bool follow);
    Step wait();

    bool podman_ = false;
    bool following_ = false, ended_ = false;
    // The rest was read, and brought nothing.
    bool finished_ = false;
    // The next reading asks for all messages, and else for so many new ones.
    bool all_ = false;
    std::uint64_t reach_ = min_reach;
    // New parts of this reading and of the one before.
    std::uint32_t new_ = 0, last_new_ = 0;
    // Readings in a row.
    std::uint32_t failed_ = 0;
    std::chrono::milliseconds delay_{0};
};

} // namespace agenthost::docker::console
