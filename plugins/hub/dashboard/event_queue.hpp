// The events that wait for one dashboard. Each agent has a queue of its own and they are taken in turn, so that
// an agent that reports much neither delays nor displaces the events of others. Bound: bytes of all queues;
// beyond it the oldest event of the agent with the most bytes is dropped and counted, and the dashboard is
// told before the agent's next event. Pure. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

class EventQueue {
public:
    using Frame = std::shared_ptr<const std::string>;
    static constexpr std::size_t max_bytes = 256U << 10;

    explicit EventQueue(std::size_t most = max_bytes) : max_bytes_{most} {}

    // Returns the bytes of the events that were dropped for it.
    std::size_t push(std::string_view agent, Frame);
    // These events were dropped before they reached this queue.
    void lost(std::string_view agent, std::uint64_t events);

    struct Next {
        std::string_view agent;
        std::uint64_t dropped = 0; // events of the agent that were not yet reported to the dashboard
        Frame frame;               // null: only the notice is left
    };
    // What to send next; valid until the next call. nullopt: nothing.
    [[nodiscard]] std::optional<Next> front();
    void told();  // of `dropped`
    void taken(); // the frame, and the next agent has its turn

    void clear();
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    struct Agent {
        std::deque<Frame> frames;
        std::size_t bytes = 0;
        std::uint64_t dropped = 0;
    };
    using Agents = std::map<std::string, Agent, std::less<>>;
    std::size_t drop_one(); // returns its bytes
    Agents::iterator current();

    const std::size_t max_bytes_;
    Agents agents_;    // those with a frame or a notice
    std::string turn_; // the agent that was served last
    std::size_t bytes_ = 0;
};

} // namespace agenthost::hub
