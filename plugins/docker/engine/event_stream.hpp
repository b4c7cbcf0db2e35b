// Follows the engine's events of containers for its lifetime, across restarts of the engine. On the I/O
// thread, on a connection of its own, so that it never waits behind other work.
//
// Each time the stream opens, on_open is called first. The engine remembers few events, and none after it was
// killed, so the owner lists and inspects its containers in on_open, while new events already queue. A new
// stream begins a little before the last event of the old one, and events seen before are dropped: no event
// is repeated, and none that the engine still has is missed. While the engine is away: a new attempt after
// 0.1 s, doubling up to 5 s.
//
// An engine whose process is stopped or hangs keeps its connections open, so it is asked whether it lives
// while it is otherwise quiet (liveness.hpp). One that stays silent is away.
#pragma once

#include "client.hpp"
#include "events.hpp"
#include "json_lines.hpp"
#include "liveness.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace agenthost::docker::engine {

class EventStream {
public:
    struct Opened {
        bool first = false;
        // Whether the engine's process has changed. Also true where that cannot be known (behind a systemd
        // socket).
        bool restarted = false;
        EngineFacts facts;
    };
    struct Handlers {
        std::function<void(const Opened&)> on_open;
        std::function<void(const Event&)> on_event;
        // Once each time the engine goes away, and when the first attempt fails; not for each attempt. Again
        // when an engine that was silent is found to be gone.
        std::function<void(const Error&)> on_away;
        // The engine answers nothing, for each second of it, also after on_away. nullopt: it answers again.
        std::function<void(const std::optional<Error>&)> on_silence;
    };

    // Events of containers with this label ("agenthost.server", "agenthost.server=7"); all when it is empty.
    EventStream(Client&, std::string label, Handlers);
    // No handler is called afterwards.
    ~EventStream();
    EventStream(const EventStream&) = delete;
    EventStream& operator=(const EventStream&) = delete;

    void start();
    [[nodiscard]] bool open() const;

    static constexpr std::chrono::milliseconds min_backoff{100};
    static constexpr std::chrono::milliseconds max_backoff{1000};

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace agenthost::docker::engine
