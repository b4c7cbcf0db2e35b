// Reads the engine's event stream: one JSON object a line. Pure.
//
// Docker's and Podman's names of actions are unified ("died" is "die", "remove" of a container is "destroy"),
// and the text after a colon in an action ("health_status: healthy") is a separate member. EventWindow drops
// events that were seen before: a new stream begins a little before the last event of the old one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace agenthost::docker::engine {

struct Event {
    std::string type;   // "container", "image", "daemon", ...
    std::string action; // "create", "start", "die", "oom", "kill", "destroy", ...
    std::string detail; // the text after the colon
    std::string id;
    std::string name, image;
    // Attributes whose name begins with "agenthost.": labels of ours.
    std::map<std::string, std::string, std::less<>> labels;
    std::int64_t time_ns = 0;
    std::optional<int> exit_code; // of die
    std::string signal;           // of kill
};

// nullopt: not an event.
std::optional<Event> read_event(std::string_view line);

// Whether the container has this label of ours: "agenthost.server", or "agenthost.server=7". Always when it
// is empty.
bool has_label(const Event&, std::string_view label);

class EventWindow {
public:
    // Whether the event was not seen before.
    bool fresh(const Event&);
    // The time from which a new stream must begin so that nothing is missed; 0: no event was seen.
    [[nodiscard]] std::int64_t since_ns() const;

    // Events are stamped before they are queued, so adjacent ones may be out of order.
    static constexpr std::int64_t overlap_ns = 2'000'000'000;
    // More than the engine itself remembers (256).
    static constexpr std::size_t max_remembered = 1024;

private:
    std::int64_t newest_ = 0;
    std::deque<std::string> order_;
    std::unordered_set<std::string> seen_;
};

} // namespace agenthost::docker::engine
