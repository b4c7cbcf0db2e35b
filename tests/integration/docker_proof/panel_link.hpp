// A panel in this process, for one agent at a time: cheap enough for proofs and benchmarks, and it knows when
// a frame came. A thread of its own reads; send() and the answers are for any thread. End the agent before
// it.
#pragma once

#include "base/fd.hpp"
#include "tests/bench/ws_peer.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace agenthost::test {

class PanelLink {
public:
    // Seconds since 1970, as the engine's events have them.
    struct Came {
        double at = 0;
        nlohmann::json frame;
    };
    // On the reading thread: an event's name and data.
    using OnEvent = std::function<void(double at, const std::string& name, const nlohmann::json& data)>;

    explicit PanelLink(OnEvent);
    ~PanelLink();
    PanelLink(const PanelLink&) = delete;
    PanelLink& operator=(const PanelLink&) = delete;

    [[nodiscard]] std::string url() const;
    // The command's id. Waits for an agent. `times`: the same command again, with the same id.
    std::string send(const std::string& action, const std::string& server,
                     const nlohmann::json& payload = nullptr, int times = 1);
    // All answers to it so far; waits for the first. Empty: none arrived.
    std::vector<Came> answers(const std::string& id);
    // The answer; null if none arrives.
    nlohmann::json call(const std::string& action, const std::string& server,
                        const nlohmann::json& payload = nullptr);

private:
    void read();
    void take(std::string_view message);
    bool try_send(const std::string& text);

    OnEvent on_event_;
    base::Fd listener_;
    int port_ = 0;
    std::mutex mutex_;
    std::condition_variable came_;
    std::optional<bench::WsPeer> peer_;
    std::map<std::string, std::vector<Came>> answers_;
    std::atomic<bool> stopping_{false};
    std::atomic<int> last_{0};
    std::thread thread_;
};

} // namespace agenthost::test
