// The storage protocol's codec, both ends. Described in PROTOCOL.md in this folder; tested by
// tests/wire/vectors/storage.
#pragma once

#include "wire/codec.hpp"
#include "wire/json/fields.hpp"

#include <span>

namespace agenthost::wire {

class StorageAgentCodec final : public AgentCodec {
public:
    std::string hello(const Hello&) override;
    FromServer decode(std::string_view frame, bool authenticating) override;
    bool encode(const Result&, std::string& out) override;
    bool encode(const Progress&, std::string&) override { return false; }
    bool encode(const Stream&, std::string&) override { return false; }
    bool encode(const Event&, std::string&) override { return false; }
    bool encode(const Heartbeat&, std::string&) override { return false; } // WebSocket pings are used instead
    bool encode(const Metrics&, std::string&) override { return false; }
    bool encode(const Log&, std::string&) override { return false; }

private:
    FromServer command(std::span<const json::Member>);

    Scratch scratch_;
};

class StorageServerCodec final : public ServerCodec {
public:
    FromAgent decode(std::string_view frame) override;
    bool encode(const Welcome&, std::string& out) override;
    // False: the params are not an object, contain `action` or `request_id`, or there is a target.
    bool encode(const Command&, std::string& out) override;
    bool encode(const Ping&, std::string&) override { return false; }
    bool encode(const Heartbeat&, std::string&) override { return false; }

private:
    Scratch scratch_;
};

std::unique_ptr<AgentCodec> make_storage_agent(AgentSetup);
std::unique_ptr<ServerCodec> make_storage_server(ServerSetup);

} // namespace agenthost::wire
