// The I/O shell of one outbound session: it carries out what the machine in sdk/wire says (open, send, arm, close) with real sockets.
// One per configured server, on the main I/O thread. It is the Caller of the server's commands.
#pragma once

#include "host/config/config.hpp"
#include "host/dispatch/caller.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string>

namespace agenthost::host {

class Dispatcher;
class Facts;

struct SessionStatus {
    std::string name, protocol, url,
        state;           // url without its query; state: connecting, authenticating, ready, waiting, ...
    std::string problem; // why it is not ready
    std::string notice;  // what a person should look at although it works: a wrong clock, a failed refresh
    std::int64_t clock_offset_ms =
        0; // this machine's clock ahead of the server's (signed), as its Date told; 0: they agree
    int failures = 0;
    std::int64_t connected_since = 0, next_attempt = 0; // UTC ms, 0 = not
    std::uint64_t frames_in = 0, frames_out = 0, bytes_in = 0, bytes_out = 0, reconnects = 0,
                  send_queue_bytes = 0, dropped = 0,
                  malformed = 0, // frames that are no message of the protocol
        unspoken = 0;            // events, progress and output that it has no words for
};

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
    std::function<void()> on_change;             // status changed
    std::string state_dir{};                     // for registrations and nonces; empty: they cannot be kept
    std::function<std::string()> capabilities{}; // the plugins', as a JSON array, when hello is said
    std::function<bool()> healthy{};             // heartbeats say healthy or degraded
    std::chrono::steady_clock::time_point started =
        std::chrono::steady_clock::now(); // of the daemon: heartbeats' uptime
};

std::shared_ptr<Session> make_session(SessionContext, ServerConfig);

} // namespace agenthost::host
