// Minecraft's Server List Ping: how many players are online, asked as the game's own list of servers does. No
// I/O; the answer is a stranger's: bounded, and nothing in it is trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker::service {

struct Players {
    int online = 0, max = 0;
    std::vector<std::string> list; // a sample, as the server gives it; at most max_names
    bool operator==(const Players&) const = default;
};
constexpr std::size_t max_names = 100;

// A handshake and the request for the status.
std::string minecraft_request(std::string_view host, std::uint16_t port);

class MinecraftReader {
public:
    enum class Is : std::uint8_t { incomplete, complete, wrong };
    Is push(std::string_view bytes);
    // Only when complete.
    [[nodiscard]] const Players& players() const { return players_; }

    static constexpr std::size_t max_answer = 256 * 1024; // an icon of 64x64 is in it

private:
    bool read(std::string_view json);

    std::string bytes_;
    Players players_;
};

} // namespace agenthost::docker::service
