// What a protocol's codec does, on either end. A codec is pure: bytes in, messages out, no clock, no socket. It never throws and
// rejects what is malformed with a reason. An instance serves one connection (it may keep parser memory); not thread-safe.
#pragma once

#include "message.hpp"
#include "protocol_traits.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace agenthost::wire {

// What a codec asks of the world; a test decides the answers. Called only from inside the codec's own functions.
struct World {
    std::function<std::int64_t()>
        utc_ms;                        // the peer's clock as far as known: the shell corrects a measured skew
    std::function<std::string()> uuid; // random, version 4, lower case
    std::function<std::string(std::string_view key, std::string_view message)>
        hmac; // lower-case hex of HMAC-SHA256
};

// Remembers the nonces of the window in which a captured frame could be played again (replay.hpp; the shell keeps it across restarts).
class NonceBook {
public:
    enum class Verdict { fresh, seen, full };
    virtual ~NonceBook() = default;
    virtual Verdict admit(std::string_view agent_id, std::string_view nonce, std::int64_t ts) = 0;
};

// What the agent's end can be told. Welcome also later than the first frame: {false} means that our credential is no longer good.
using FromServer = std::variant<Nothing, Malformed, Welcome, Command, Config, Ping, NewCredential>;

// What the upgrade request carries for the protocol. Values may be secret.
struct Opening {
    std::vector<std::pair<std::string, std::string>> headers;
    std::string query; // "token=..." to append to the URL's, percent-encoded; else empty
};

class AgentCodec {
public:
    virtual ~AgentCodec() = default;
    // opening() before the connection, hello() once it is open: the first frame, or empty. Both get the same Hello.
    virtual Opening opening(const Hello&) { return {}; }
    virtual std::string hello(const Hello&) = 0;
    // Views in the result live until the next call. `authenticating`: Welcome is due (storage's has no action word).
    virtual FromServer decode(std::string_view frame, bool authenticating) = 0;
    // Each appends one frame to `out` and says whether the protocol has words for the message; false: nothing was appended.
    virtual bool encode(const Result&,
                        std::string& out) = 0; // false: nobody waits for it; it counts as delivered
    virtual bool encode(const Progress&, std::string& out) = 0;
    virtual bool encode(const Stream&, std::string& out) = 0;
    // How many of its first bytes one frame can hold: the caller encodes these, then the rest with its own offset.
    [[nodiscard]] virtual std::size_t fitting(const Stream& stream) const { return stream.bytes.size(); }
    virtual bool encode(const Event&, std::string& out) = 0;
    virtual bool encode(const Heartbeat&,
                        std::string& out) = 0; // false also when heartbeats are WebSocket pings
    virtual bool encode(const Metrics&, std::string& out) = 0;
    virtual bool encode(const Log&, std::string& out) = 0;
    // What the server asked for by its settings, after their command succeeded: another interval, a heartbeat now.
    [[nodiscard]] virtual std::optional<milliseconds> heartbeat_interval() const { return std::nullopt; }
    [[nodiscard]] virtual bool heartbeat_due() const { return false; } // until the next Heartbeat is encoded
};

// What the server's end can be told.
using FromAgent = std::variant<Nothing, Malformed, Refused, Hello, Result, Progress, Stream, Event, Heartbeat,
                               Metrics, Log>;

class ServerCodec {
public:
    virtual ~ServerCodec() = default;
    virtual FromAgent decode(std::string_view frame) = 0;
    virtual bool encode(const Welcome&, std::string& out) = 0;
    virtual bool encode(const Command&, std::string& out) = 0;
    virtual bool encode(const Ping&, std::string& out) = 0;
    virtual bool encode(const Heartbeat&, std::string& out) = 0; // the acknowledgement
};

struct AgentSetup {
    World world;
    NonceBook* nonces = nullptr; // signed needs one; not owned
};
struct ServerSetup {
    World world;
    std::string agent_id; // as the upgrade proved it; empty: the first frame tells
    std::function<std::optional<std::string>(std::string_view agent_id)> secret_of; // signed
    NonceBook* nonces = nullptr;
};

// By the protocol's row (protocol_traits.hpp).
std::unique_ptr<AgentCodec> agent_codec(Protocol, AgentSetup = {});
std::unique_ptr<ServerCodec> server_codec(Protocol, ServerSetup = {});

} // namespace agenthost::wire
