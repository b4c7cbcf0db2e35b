// Decides how the log of one container is followed until its last line: what to do next after each answer of
// the engine. Pure.
//
// Docker 20.10 loses output when a log is followed and rotated twice while the reader is behind, or once
// while it begins, and says nothing. A log that is read to its present end is never incomplete. So a log is
// read to its end again and again while much comes, followed only when little does, and read again when the
// follower is behind. Only the newest messages are asked for; when these do not reach back to the last
// position, more are.
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
    // The follower is behind, or silent while there is output.
    Step on_behind();
    // The reading that `read` or `follow` began has ended. `clean`: as the engine's answer ends.
    Step on_end(bool clean);
    [[nodiscard]] std::chrono::milliseconds delay() const { return delay_; }

    static constexpr std::chrono::milliseconds min_delay{100}, max_delay{5000};
    // A reading that brings more is followed by another one.
    static constexpr std::uint32_t few = 100;
    // How old new output may be when it comes. Docker would have to write two files of 5 MB in this time.
    static constexpr std::chrono::milliseconds max_lag{250};

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
