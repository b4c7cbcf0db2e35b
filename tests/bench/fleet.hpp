// Thousands of storage agents in one thread over epoll, so cheap that what is measured is the hub: each holds
// one WebSocket, answers the hub's pings and commands, and comes back by the protocol's backoff when its
// connection ends. Plain or TLS.
#pragma once

#include "base/fd.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace agenthost::bench {

class Fleet {
public:
    struct Options {
        int port = 0;
        bool tls = false;
        std::size_t agents = 0;
        std::size_t per_address =
            150; // source addresses 127.0.2.1, 127.0.2.2, ...: below the listener's bound of 200
        std::size_t at_once = 200; // handshakes under way when nothing was lost yet; a storm is not held back
        double backoff_s = 2, backoff_max_s = 30, jitter = 0.2;
        std::string token_prefix = "secret-of-"; // agent N is "aN"
    };
    explicit Fleet(Options);
    ~Fleet();
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    [[nodiscard]] std::size_t ready() const { return ready_; }
    [[nodiscard]] std::uint64_t answered() const { return answered_; } // commands
    [[nodiscard]] std::uint64_t lost() const { return lost_; }         // sessions that had been ready
    // Attempts that the hub turned away: an HTTP status other than 101, a close before the upgrade was
    // answered.
    [[nodiscard]] std::uint64_t turned_away() const { return turned_away_; }
    [[nodiscard]] std::uint64_t refused() const { return refused_; } // by the kernel: nobody listens
    [[nodiscard]] std::string last_refusal() const;
    void moved_to(int port) { port_ = port; }

private:
    struct Agent;
    struct Loop;
    void run();

    const Options options_;
    std::atomic<int> port_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> ready_{0};
    std::atomic<std::uint64_t> answered_{0}, lost_{0}, turned_away_{0}, refused_{0};
    mutable std::mutex mutex_;
    std::string last_refusal_;
    std::thread thread_;
};

// One keep-alive HTTP connection for REST calls, blocking.
class RestClient {
public:
    RestClient(int port, bool tls, std::string token);
    ~RestClient();
    struct Answer {
        int status = 0;
        std::string body;
    };
    Answer call(std::string_view method, std::string_view path, std::string_view body = {});

private:
    struct Tls;
    void send_all(std::string_view);
    std::size_t receive(char* data, std::size_t size);

    base::Fd socket_;
    std::unique_ptr<Tls> tls_;
    std::string token_, buffer_;
};

// The hub's credentials file for agents a0 ... a(n-1).
std::string fleet_credentials(std::size_t agents, const std::string& token_prefix);

} // namespace agenthost::bench
