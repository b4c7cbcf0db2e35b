// What a protocol's codec does, on either end. A codec is pure: bytes in, messages out, no clock, no socket. It never throws and
// rejects what is malformed with a reason. An instance serves one connection (it may keep parser memory); not thread-safe.
#pragma once

#include "message.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace agenthost::wire {

// What the agent's end can be told.
using FromServer = std::variant<Nothing, Malformed, Welcome, Command, Config>;

class AgentCodec {
public:
    virtual ~AgentCodec() = default;
    // The first frame of a connection; empty when the protocol authenticates on the upgrade.
    virtual std::string hello(const Hello&) = 0;
    // Views in the result live until the next call. `authenticating`: Welcome is due (storage's has no action word).
    virtual FromServer decode(std::string_view frame, bool authenticating) = 0;
    // Each appends one frame to `out` and says whether the protocol has words for the message; false: nothing was appended.
    virtual bool encode(const Result&, std::string& out) = 0;
    virtual bool encode(const Progress&, std::string& out) = 0;
    virtual bool encode(const Stream&, std::string& out) = 0;
    virtual bool encode(const Event&, std::string& out) = 0;
    virtual bool encode(const Heartbeat&, std::string& out) = 0;
};

// What the server's end can be told.
using FromAgent =
    std::variant<Nothing, Malformed, Hello, Result, Progress, Stream, Event, Heartbeat, Metrics, Log>;

class ServerCodec {
public:
    virtual ~ServerCodec() = default;
    virtual FromAgent decode(std::string_view frame) = 0;
    virtual bool encode(const Welcome&, std::string& out) = 0;
    virtual bool encode(const Command&, std::string& out) = 0;
};

enum class Protocol : std::uint8_t { storage, panel, print, dashboard, signed_ };
std::string_view name(Protocol);
std::optional<Protocol> protocol(std::string_view name);

// nullptr for a protocol this build has no codec for.
std::unique_ptr<AgentCodec> agent_codec(Protocol);
std::unique_ptr<ServerCodec> server_codec(Protocol);

} // namespace agenthost::wire
