// Reads the log of a server's container, from its position to the last line, across breaks of the connection
// and restarts of the engine, as FollowPlan says. On the I/O thread.
//
// Half a second after a follower has begun, and once a minute, the engine's newest message is compared with
// ours: a follower of Docker 20.10 that has missed a rotation of the log is silent.
#pragma once

#include "plugins/docker/engine/client.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace agenthost::docker::console {

class Follower {
public:
    struct Handlers {
        // Returns where a reading begins; also called after each break.
        std::function<engine::LogPosition(const std::string& container)> position;
        // New messages, each once, in order.
        std::function<void(const engine::LogPart&)> on_part;
        // The engine has dropped messages before the part with this stamp.
        std::function<void(std::int64_t stamp_ns)> on_gap;
        // The container has ended or is gone, and its log was read to the end.
        std::function<void()> on_complete;
    };

    Follower(engine::Client&, Handlers);
    ~Follower(); // no handler is called afterwards
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    // Has no effect if the container is already followed.
    void follow(std::string container);
    void stop();
    // Stops and continues reading; the engine keeps what is printed meanwhile.
    void pause();
    void resume();
    // The engine is back: a pending attempt is made now.
    void retry_now();

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace agenthost::docker::console
