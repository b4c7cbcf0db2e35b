// The agents that are connected to this process: authentication, takeover, frames in and out. The embedded default of Fanout.
//
// Small limits hold until the first frame has authenticated the session. A second session of an agent replaces the first: there are
// never two live ones. Under the hub's lock.
#pragma once

#include "core.hpp"
#include "credentials.hpp"
#include "tables.hpp"

#include "wire/codec.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class Sessions final : public Fanout {
public:
    struct Events { // under the lock
        std::function<void(const AgentRecord&)> ready;
        std::function<void(const AgentRecord&)> lost;
        std::function<void(std::string_view agent, const wire::Result&)> result;
        std::function<void(std::string_view agent, const wire::Progress&)> progress;
        std::function<void(std::string_view agent)> writable;
        std::function<void(std::string_view agent, std::string_view task)>
            not_taken; // a send the daemon had no room for
        // What an agent says unasked. The views live until the call returns; an acknowledgement is sent by Sessions itself.
        std::function<void(std::string_view agent, const wire::Heartbeat&)> heartbeat;
        std::function<void(std::string_view agent, const wire::Metrics&)> metrics;
        std::function<void(std::string_view agent, const wire::Log&)> log;
        std::function<void(std::string_view agent, const wire::Event&)> event;
        std::function<void(std::string_view agent, const wire::Stream&)> stream;
    };
    Sessions(Core& core, const Credentials& credentials, Events events)
        : core_{core}, credentials_{credentials}, events_{std::move(events)}
    {}

    void request(Conn, const Head&, wire::Protocol);
    void frame(Conn, int opcode, std::string_view);
    void writable(Conn);
    void closed(Conn);
    void close_all();         // the hub goes down
    void check_credentials(); // they changed: cuts the sessions they no longer admit

    [[nodiscard]] bool online(std::string_view agent) const override
    {
        return by_agent_.contains(std::string{agent});
    }
    Sent send(std::string_view agent, const wire::Command&) override;
    void cut(std::string_view agent, std::string_view why) override;
    [[nodiscard]] const AgentRecord* find(std::string_view agent) const override;
    [[nodiscard]] std::vector<std::string> connected(std::string_view protocol) const override;
    [[nodiscard]] std::size_t size() const { return by_agent_.size(); }
    [[nodiscard]] bool empty() const { return sessions_.empty(); }

private:
    struct Session {
        std::unique_ptr<wire::ServerCodec> codec;
        wire::Protocol protocol;
        std::string peer;
        bool ready = false, closing = false;
        AgentRecord agent;
        kit::Sha256Digest token{};
    };
    void hello(Conn, Session&, const wire::Hello&);
    void drop(Conn, int code, std::string reason);
    void text(Conn, std::string);

    Core& core_;
    const Credentials& credentials_;
    Events events_;
    std::unordered_map<Conn, std::unique_ptr<Session>> sessions_;
    std::unordered_map<std::string, Conn> by_agent_;
};

} // namespace agenthost::hub
