// The I/O shell of one outbound session: it carries out what the machine in sdk/wire says (open, send, arm, close) with real sockets.
// One per configured server, on the main I/O thread. It is the Caller of the server's commands.
#pragma once

#include "host/config/config.hpp"
#include "host/dispatch/caller.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace agenthost::host {

class Dispatcher;
class Facts;

struct SessionStatus {
    std::string name, protocol, url,
        state;           // url without its query; state: connecting, authenticating, ready, waiting, ...
    std::string problem; // why it is not ready
    // Of the outage that goes on, the first failure; UTC ms, 0: there is none. It stays until a session has lasted 10 s.
    std::string first_problem;
    std::int64_t first_problem_at = 0, problem_at = 0;
    std::string notice; // what a person should look at although it works: a wrong clock, a failed refresh
    // Another agent takes the session from this one, again and again.
    bool contested = false;
    // This machine's clock ahead of the server's (signed), as its Date told; 0: they agree; nullopt: unknown.
    std::optional<std::int64_t> clock_offset_ms;
    int failures = 0;
    std::int64_t connected_since = 0, next_attempt = 0; // UTC ms, 0 = not
    std::uint64_t frames_in = 0, frames_out = 0, bytes_in = 0, bytes_out = 0, reconnects = 0,
                  send_queue_bytes = 0, dropped = 0,
                  malformed = 0, // frames that could not be used
        unspoken = 0,            // events, progress and output that it has no words for
        too_large =
            0; // results that became TOO_LARGE, and events and output dropped: the server would not take them
    std::string malformed_last; // why the last of them could not be used
};

// The problem for people: with the first cause of the outage where that is another one.
std::string problem_text(const SessionStatus&, std::int64_t now_ms);

class Session {
public:
    virtual ~Session() = default;
    virtual void start() = 0;
    // Says goodbye, flushes what is queued for at most `grace`, then calls `done`.
    virtual void stop(std::chrono::milliseconds grace, std::function<void()> done) = 0;
    virtual void reconnect() = 0; // at once, whatever the backoff says
    [[nodiscard]] virtual SessionStatus status() const = 0;
    [[nodiscard]] virtual const ServerConfig& config() const = 0;
};

struct SessionContext {
    boost::asio::any_io_executor main;
    Dispatcher& dispatcher;
    Facts& facts;
    std::string agent_id, version;
    std::function<void()> on_change;                // status changed
    std::function<void(const std::string&)> warn{}; // a line for the log; no secret is in it
    std::string state_dir{};                     // for registrations and nonces; empty: they cannot be kept
    std::function<std::string()> capabilities{}; // the plugins', as a JSON array, when hello is said
    std::function<bool()> healthy{};             // heartbeats say healthy or degraded
    // The origin of the server's URL, "https://host:port/", before each connection to it.
    std::function<void(const std::string& origin)> on_origin{};
    std::chrono::steady_clock::time_point started =
        std::chrono::steady_clock::now(); // of the daemon: heartbeats' uptime
};

std::shared_ptr<Session> make_session(SessionContext, ServerConfig);

} // namespace agenthost::host
