// The I/O part of one outbound session: executes the actions of the machine in sdk/wire (open, send, arm,
// close) with real sockets. One per configured server, on the main I/O thread. It is the Caller of the
// server's commands.
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
    // URL without its query; state: connecting, authenticating, ready, waiting, ...
    std::string name, protocol, url, state;
    std::string problem; // why it is not ready; empty: no problem
    // The first failure of the current outage and its time (UTC ms; 0: none). Kept until a session has lasted
    // 10 s.
    std::string first_problem;
    std::int64_t first_problem_at = 0, problem_at = 0;
    std::string notice; // a warning although the session works: a wrong clock, a failed refresh
    // The session works, but the next one will not, as it seems: its token is not renewed, or a file that it
    // needs cannot be used. `notice` says which.
    bool at_risk = false;
    // Another agent repeatedly takes over this agent's session.
    bool in_conflict = false;
    // How far this machine's clock is ahead of the server's Date (signed protocol); 0: they agree; nullopt:
    // unknown.
    std::optional<std::int64_t> clock_offset_ms;
    int failures = 0;
    std::int64_t connected_since = 0, next_attempt = 0; // UTC ms, 0 = not
    std::uint64_t frames_in = 0, frames_out = 0, bytes_in = 0, bytes_out = 0, reconnects = 0,
                  send_queue_bytes = 0, dropped = 0,
                  malformed = 0, // frames that could not be used
        unspoken = 0,            // events, progress and output that the protocol cannot express
        // Results replaced by TOO_LARGE, and events and output dropped, because they exceed the server's
        // limit.
        too_large = 0;
    std::string malformed_last; // the error of the last malformed frame
};

// A readable problem; adds the first cause of the outage if it differs.
std::string problem_text(const SessionStatus&, std::int64_t now_ms);

class Session {
public:
    virtual ~Session() = default;
    virtual void start() = 0;
    // Sends the protocol's goodbye, flushes the queue for at most `grace`, then calls `done`.
    virtual void stop(std::chrono::milliseconds grace, std::function<void()> done) = 0;
    virtual void reconnect() = 0; // immediately, regardless of the backoff
    [[nodiscard]] virtual SessionStatus status() const = 0;
    [[nodiscard]] virtual const ServerConfig& config() const = 0;
};

struct SessionContext {
    boost::asio::any_io_executor main;
    Dispatcher& dispatcher;
    Facts& facts;
    std::string agent_id, version;
    std::function<void()> on_change;                // status changed
    std::function<void(const std::string&)> warn{}; // logs a line; it contains no secret
    std::string state_dir{}; // for registrations and nonces; empty: they are not stored
    // The plugins' capabilities as a JSON array, read for each hello.
    std::function<std::string()> capabilities{};
    std::function<bool()> healthy{}; // the health that heartbeats report
    // Called before each connection with the origin of the server's URL, "https://host:port/".
    std::function<void(const std::string& origin)> on_origin{};
    // Of the daemon, for the uptime in heartbeats.
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

std::shared_ptr<Session> make_session(SessionContext, ServerConfig);

} // namespace agenthost::host
