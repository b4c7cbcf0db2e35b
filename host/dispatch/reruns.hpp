// Remembers commands that their plugin left unfinished and that may run again (`idempotent`): a reload stopped the
// plugin, or its runner crashed. When the plugin is back they run again, as if their servers had repeated them
// after a reconnect; until then the outbox holds their INTERRUPTED back.
//
// Bounds: commands, their bytes, and `keep_time`; of what is not remembered, the server gets INTERRUPTED at once.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"

#include <deque>
#include <string>
#include <vector>

namespace agenthost::host {

class Reruns {
public:
    // A plugin may take 10 s to stop and longer to start.
    static constexpr std::chrono::seconds keep_time{30};
    static constexpr std::size_t max_commands = 4096, max_bytes = std::size_t{64} << 20;

    explicit Reruns(Core& core) : core_{core} {}

    struct Command {
        // Of the request that was interrupted.
        std::uint64_t row;
        std::string caller, plugin, id, word, params, target;
        Clock::time_point deadline, until;
    };
    // Of a request that ends as interrupted, before its result is delivered.
    void remember(const Request&);
    // Its result must wait.
    [[nodiscard]] bool has(std::uint64_t row) const;
    // The plugin runs again: what waits for it, oldest first.
    std::vector<Command> take(std::string_view plugin);

    void tick(Clock::time_point now);
    [[nodiscard]] Clock::time_point due() const
    {
        return commands_.empty() ? Clock::time_point::max() : commands_.front().until;
    }

private:
    static std::size_t size(const Command& c) { return c.params.size() + c.target.size() + c.id.size(); }

    Core& core_;
    // In the order of `until`.
    std::deque<Command> commands_;
    std::size_t bytes_ = 0;
};

} // namespace agenthost::host
