// Agents with game servers, played by the test.
#pragma once

#include "tests/unit/hub/parts.hpp"

#include "plugins/hub/servers/actions.hpp"
#include "plugins/hub/servers/remedies.hpp"

namespace agenthost::hub_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class ServersTest : public PartsTest {
protected:
    // An agent that offers servers.
    void node(const std::string& id, const json& capacity = json::object(),
              const json& servers = json::array())
    {
        join(id, "panel");
        enter([&] {
            AgentRecord a = *fanout.find(id);
            a.capabilities = R"(["docker"])";
            server_watch.ready(a);
        });
        pass(1s);
        const auto asked = last();
        EXPECT_EQ(asked.action, "docker.list_servers");
        answer_request(id, asked.id, {{"servers", servers}, {"node", capacity}});
    }
    void answer_request(const std::string& agent, const std::string& id, const json& data)
    {
        const std::string text = data.dump();
        enter([&] { requests.result(agent, {.id = id, .data = text}); });
    }
    MemoryFanout::Command last() const
    {
        return fanout.sent.empty() ? MemoryFanout::Command{} : fanout.sent.back();
    }
    void succeed(const json& data = json::object())
    {
        const auto command = last();
        const std::string text = data.dump();
        result(command.agent, {.id = command.id, .data = text});
    }
    void fail(const std::string& code, const std::string& message = "why")
    {
        const auto command = last();
        result(
            command.agent,
            {.id = command.id, .outcome = wire::Outcome::error, .error = {.code = code, .message = message}});
    }
    void event(const std::string& agent, const std::string& server, const std::string& topic,
               const json& data)
    {
        const std::string text = data.dump();
        enter([&] { server_watch.event(agent, {.topic = topic, .json = text, .target = server}); });
    }
    std::string header(Conn conn, std::string_view name) const
    {
        for (const auto& [key, value] : daemon.answers.at(conn).headers)
            if (key == name) return value;
        return {};
    }
    static json egg(const std::string& id = "mc1", const json& more = json::object())
    {
        json config{{"image", "ghcr.io/x/y:1"}, {"limits", {{"memory", "2048m"}, {"cpu", "1"}}}};
        config.update(more);
        return {{"serverId", id}, {"eggConfig", config}};
    }
    static constexpr const char* one = "/api/agents/n1/servers/mc1";
};

} // namespace agenthost::hub_test
