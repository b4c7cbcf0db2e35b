// Fakes for tests of agents' sessions: the daemon, the nonces of signed frames, an observer.
#pragma once

#include "plugins/hub/agents/observer.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/http/exchanges.hpp"

#include "wire/codec.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

namespace agenthost::hub_test {

using namespace agenthost::hub;
using nlohmann::json;

// The daemon: records what is sent to each connection.
class Peers final : public Host, public HttpHost {
public:
    struct Peer {
        int status = 0, close_code = 0;
        std::string reason, headers, limits;
        std::vector<json> sent;
        std::vector<std::string> binary;
        bool full = false; // for binary frames
    };
    void answer(Conn conn, const Answer& a) override { peers[conn].status = a.status; }
    void receive(Conn, const SpoolFile*, std::uint64_t) override {}
    void upgrade(Conn conn, std::string_view headers, std::string_view limits) override
    {
        peers[conn].status = 101;
        peers[conn].headers = headers;
        peers[conn].limits = limits;
    }
    agh_status send(Conn conn, std::string_view text) override
    {
        peers[conn].sent.push_back(json::parse(text));
        return AGH_OK;
    }
    agh_status send_binary(Conn conn, std::string_view bytes) override
    {
        if (peers[conn].full) return AGH_E_BUSY;
        peers[conn].binary.emplace_back(bytes);
        return AGH_OK;
    }
    void limits(Conn conn, std::string_view text) override { peers[conn].limits = text; }
    void close(Conn conn, int code, std::string_view reason) override
    {
        peers[conn].close_code = code;
        peers[conn].reason = reason;
    }
    std::string address() const override { return "http://127.0.0.1:3001"; }
    void log(int, std::string_view message, std::string_view) override { logged.emplace_back(message); }
    void record(Metric m, double v) override { counted[m] += v; }
    void publish(std::string_view, std::string_view) override {}

    std::map<Conn, Peer> peers;
    std::vector<std::string> logged;
    std::map<Metric, double> counted;
};

class NoNonces final : public wire::NonceBook {
public:
    Verdict admit(std::string_view, std::string_view, std::int64_t) override { return Verdict::fresh; }
};

// Records what agents do.
struct Listener final : AgentObserver {
    void ready(const AgentRecord& a) override { heard.push_back("ready " + a.id + " " + a.protocol); }
    void lost(const AgentRecord& a) override { heard.push_back("lost " + a.id); }
    void result(std::string_view a, const wire::Result& r) override
    {
        heard.push_back("result " + std::string{a} + " " + std::string{r.id});
    }
    void not_taken(std::string_view a, std::string_view task) override
    {
        heard.push_back("not taken " + std::string{a} + " " + std::string{task});
    }
    void too_large(std::string_view a) override { heard.push_back("too large " + std::string{a}); }
    void heartbeat(std::string_view a, const wire::Heartbeat& h) override
    {
        heard.push_back("heartbeat " + std::string{a} + " " + std::string{h.facts});
    }
    void event(std::string_view a, const wire::Event& e) override
    {
        heard.push_back("event " + std::string{a} + " " + std::string{e.topic});
    }
    std::vector<std::string> heard;
};

} // namespace agenthost::hub_test
