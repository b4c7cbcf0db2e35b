// Turns the messages of a container's log into packed entries with positions, in batches for the ring. Pure;
// one owner, one thread.
//
//     position to ask for = intake.begin(container); for each part: intake.part(part); ring.append(intake.take())
//
// Lines: a message of the log is an entry, or several when it is longer than 16 KiB; an entry continues the
// line of the previous one if the log driver or this class has cut it.
#pragma once

#include "entries.hpp"
#include "plugins/docker/engine/log_parts.hpp"
#include "plugins/docker/engine/log_position.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace agenthost::docker::console {

// How far a console was stored.
struct Mark {
    std::uint64_t next = 0; // position of the next entry
    // Whose log was read, and how far.
    std::string container;
    engine::LogPosition log;
    // Of stdout and stderr: whether the last message was cut, and when its line was printed.
    struct Line {
        bool open = false;
        std::int64_t stamp_ns = 0;
    };
    std::array<Line, 2> lines;
};

// Follows the items that were stored, to find the mark again.
class Marker {
public:
    Marker() = default;
    explicit Marker(Mark start) : mark_{std::move(start)}, track_{mark_.log} {}
    void add(const Item&);
    [[nodiscard]] Mark mark() const;
    // The container whose log the mark belongs to; cheaper than mark().
    [[nodiscard]] const std::string& container() const { return mark_.container; }
    [[nodiscard]] std::uint64_t next() const { return mark_.next; }
    [[nodiscard]] const Mark::Line& line(Stream stream) const
    {
        return mark_.lines[stream == Stream::err ? 1 : 0];
    }
    [[nodiscard]] engine::LogPosition log() const { return track_.position(); }

private:
    Mark mark_; // all but the position in the log
    engine::LogTrack track_;
};

// Entries that belong together: all of them are stored, or none.
struct Batch {
    Mark before;
    std::uint32_t entries = 0;
    std::string packed;
};

class Intake {
public:
    Intake() = default;
    explicit Intake(const Mark&);

    // Begins the log of this container. Returns where to read from; the log of a new container is read from
    // its start.
    engine::LogPosition begin(std::string_view container, bool podman = false);
    // From the log, in order, each message once. `visit` gets the entries that it becomes.
    using Visit = std::function<void(const Item&)>;
    void part(const engine::LogPart&, const Visit& visit = {});
    // Log rotation has dropped output before the next part.
    void gap(std::int64_t stamp_ns);

    [[nodiscard]] std::size_t size() const { return batch_.packed.size(); }
    [[nodiscard]] std::uint64_t next() const { return marker_.next(); }
    // What was added since the last call.
    Batch take();

private:
    void add(const Item&);

    Batch batch_;
    Marker marker_;
    bool podman_ = false;
};

} // namespace agenthost::docker::console
