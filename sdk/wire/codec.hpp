// The codec interfaces of a protocol's two ends. A codec is pure: bytes in, messages out, no clock, no
// socket. It never throws and rejects malformed input with a reason. One instance per connection (it may keep
// parser memory); not thread-safe.
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

// The environment of a codec: clock, ids, HMAC; tests replace it. Called only inside the codec's functions.
struct Environment {
    std::function<std::int64_t()> utc_ms; // the peer's clock if known: the session corrects a measured skew
    std::function<std::string()> uuid;    // random, version 4, lower case
    // Lower-case hex of HMAC-SHA256.
    std::function<std::string(std::string_view key, std::string_view message)> hmac;
};

// Stores the nonces of frames that could still be replayed (replay.hpp; the session keeps it across
// restarts).
class NonceBook {
public:
    enum class Verdict { fresh, seen, full };
    virtual ~NonceBook() = default;
    virtual Verdict admit(std::string_view agent_id, std::string_view nonce, std::int64_t ts) = 0;
};

// Messages that the agent's end decodes. A later Welcome{false} means that our credential is no longer valid.
using FromServer = std::variant<Nothing, Malformed, Welcome, Command, Config, Ping, NewCredential>;

// The protocol's part of the upgrade request. Values may be secret.
struct Opening {
    std::vector<std::pair<std::string, std::string>> headers;
    std::string query; // "token=..." to append to the URL's, percent-encoded; else empty
};

class AgentCodec {
public:
    virtual ~AgentCodec() = default;
    // opening() is called before connecting, hello() once the connection is open: returns the first frame, or
    // empty. Same Hello for both.
    virtual Opening opening(const Hello&) { return {}; }
    virtual std::string hello(const Hello&) = 0;
    // Views in the result are of `frame` or of the codec: valid while both live, until the next call.
    // `authenticating`: expect Welcome (storage's has no action).
    virtual FromServer decode(std::string_view frame, bool authenticating) = 0;
    // A binary frame. nullopt: the protocol has none, or not this one; the connection must be closed (1003).
    virtual std::optional<FromServer> decode_binary(std::string_view) { return std::nullopt; }
    // Each appends one frame to `out`. False: the protocol cannot express the message; nothing was appended.
    virtual bool encode(const Result&,
                        std::string& out) = 0; // false: the peer does not expect it; treat it as delivered
    virtual bool encode(const Progress&, std::string& out) = 0;
    virtual bool encode(const Stream&, std::string& out) = 0;
    // The number of leading bytes that fit into one frame: the caller encodes these, then the rest with its
    // own offset.
    [[nodiscard]] virtual std::size_t fitting(const Stream& stream) const { return stream.bytes.size(); }
    virtual bool encode(const Event&, std::string& out) = 0;
    // False also when heartbeats are WebSocket pings.
    virtual bool encode(const Heartbeat&, std::string& out) = 0;
    virtual bool encode(const Metrics&, std::string& out) = 0;
    virtual bool encode(const Log&, std::string& out) = 0;
    // Requests from the server's settings, once their command has succeeded: a new interval, a heartbeat now.
    [[nodiscard]] virtual std::optional<milliseconds> heartbeat_interval() const { return std::nullopt; }
    [[nodiscard]] virtual bool heartbeat_due() const { return false; } // until the next Heartbeat is encoded
};

// Messages that the server's end decodes.
using FromAgent = std::variant<Nothing, Malformed, Refused, Hello, Result, Progress, Stream, Event, Heartbeat,
                               Metrics, Log>;

class ServerCodec {
public:
    virtual ~ServerCodec() = default;
    // Views in the result as with the agent's end.
    virtual FromAgent decode(std::string_view frame) = 0;
    virtual bool encode(const Welcome&, std::string& out) = 0;
    virtual bool encode(const Command&, std::string& out) = 0;
    // Moves out the binary frame that must follow the frame of the last Command at once; empty: none.
    virtual std::string take_binary() { return {}; }
    virtual bool encode(const Ping&, std::string& out) = 0;
    virtual bool encode(const Heartbeat&, std::string& out) = 0; // the acknowledgement
};

struct AgentSetup {
    Environment environment;
    NonceBook* nonces = nullptr; // signed needs one; not owned
};
struct ServerSetup {
    Environment environment;
    std::string agent_id; // proven by the upgrade; empty: the first frame contains it
    std::function<std::optional<std::string>(std::string_view agent_id)> secret_of; // signed
    NonceBook* nonces = nullptr;
};

// The codecs of a protocol (protocol_traits.hpp).
std::unique_ptr<AgentCodec> agent_codec(Protocol, AgentSetup = {});
std::unique_ptr<ServerCodec> server_codec(Protocol, ServerSetup = {});

} // namespace agenthost::wire
