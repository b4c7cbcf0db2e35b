// The agent's end of the dashboard protocol: decoding in agent.cpp, encoding in agent_writer.cpp.
#pragma once

#include "envelope.hpp"
#include "output.hpp"
#include "wire/codec.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace agenthost::wire {

class DashboardAgentCodec final : public AgentCodec {
public:
    explicit DashboardAgentCodec(AgentSetup setup) : environment_{std::move(setup.environment)} {}

    Opening opening(const Hello&) override;
    std::string hello(const Hello&) override;
    FromServer decode(std::string_view frame, bool authenticating) override;
    bool encode(const Result&, std::string& out) override;
    bool encode(const Progress&, std::string& out) override;
    bool encode(const Stream&, std::string& out) override;
    std::size_t fitting(const Stream&) const override;
    bool encode(const Event&, std::string& out) override;
    bool encode(const Heartbeat&, std::string& out) override;
    // Metrics are facts of a heartbeat.
    bool encode(const Metrics&, std::string&) override { return false; }
    bool encode(const Log&, std::string& out) override;

private:
    FromServer welcome(const dashboard::Frame&);
    FromServer command(const dashboard::Frame&);
    FromServer flat(const dashboard::Frame&, FieldReader&, std::span<const json::Member>);
    FromServer action(const dashboard::Frame&, FieldReader&, std::span<const json::Member>);
    FromServer error(const dashboard::Frame&, bool authenticating);
    Malformed bad(std::string reason);
    Malformed bad(std::string reason, const dashboard::Frame&);
    Malformed bad(std::string reason, std::string_view command_id, std::string_view request_id);
    void write_error(std::string& out, const Error&, std::string_view command_id,
                     std::string_view request_id);
    void open_status(base::JsonWriter&, std::string_view id, std::string_view status);
    bool write_answer(std::string& out, const Result&);

    // The ids of a rejected frame, kept until its error is encoded.
    struct Bad {
        std::string id, command_id, request_id;
    };

    Environment environment_;
    std::string agent_id_;
    bool exact_ = false; // the server wants the output of all commands as base64
    std::uint64_t heartbeats_ = 0;
    CommandBook commands_;
    Bad bad_;
    std::string made_id_; // storage for views of the last message
    Scratch scratch_;
};

} // namespace agenthost::wire
