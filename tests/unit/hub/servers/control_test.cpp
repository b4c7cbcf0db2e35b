// The actions behind `agenthost hub server`.
#include "servers_fixture.hpp"

using namespace agenthost::hub_test;

namespace {

class ServerControlTest : public ServersTest {
protected:
    void call(const std::string& action, const std::string& params)
    {
        ended.clear();
        reply = std::make_shared<Reply>(
            Reply{.ok = [this](const std::string& json) { ended = json; },
                  .fail = [this](std::string_view code,
                                 const std::string& message) { ended = std::string{code} + ": " + message; },
                  .stream = [](std::uint32_t, std::uint64_t, std::string_view) { return AGH_OK; },
                  .progress = [](const std::string&) {}});
        enter([&] { server_control.call(action, params, reply); });
    }
    ReplyPtr reply;
    std::string ended;
};

TEST_F(ServerControlTest, FindsTheAgentOfAServer)
{
    node("n1", json::object(),
         json::array({{{"serverId", "a"}, {"status", "running"}}, {{"serverId", "b"}}}));
    node("n2", json::object(), json::array({{{"serverId", "b"}}}));
    call("hub.server_do", R"({"do":"start","server":"a"})");
    EXPECT_EQ(last().agent, "n1");
    EXPECT_EQ(last().action, "docker.start_server");
    EXPECT_EQ(last().target, "a");
    succeed({{"status", "starting"}});
    EXPECT_EQ(ended, R"({"status":"starting"})");
    call("hub.server_do", R"({"do":"start","server":"b"})");
    EXPECT_THAT(ended,
                HasSubstr("n1/b, n2/b. Write one of these in its place, or name the agent with --agent"));
    call("hub.server_get", R"({"get":"logs","server":"b","agent":"n2","params":{"tail":3}})");
    EXPECT_EQ(last().agent, "n2");
    EXPECT_EQ(last().params, R"({"tail":3})");
    call("hub.server_do", R"({"do":"start","server":"c"})");
    EXPECT_THAT(ended, HasSubstr("SERVER_NOT_FOUND: The hub knows no server c"));
    leave("n2");
    call("hub.server_follow", R"({"server":"b","agent":"n2"})");
    EXPECT_THAT(ended, HasSubstr("AGENT_OFFLINE: Agent n2 is not connected. Start agenthost"));
    call("hub.server_list", R"({"name":"a"})");
    EXPECT_EQ(json::parse(ended)["total"], 1);
}

TEST_F(ServerControlTest, CreatesWithTheOrderOfTheConfiguration)
{
    node("n1");
    call(
        "hub.server_do",
        R"({"do":"create","server":"a","params":{"name":"N","eggConfig":{"image":"i","ports":{"9":9,"1":1}}}})");
    EXPECT_EQ(last().params,
              R"({"serverId":"a","name":"N","eggConfig":{"image":"i","ports":{"9":9,"1":1}}})");
    succeed({{"status", "installing"}});
    EXPECT_EQ(json::parse(ended)["agent"], "n1");
    call("hub.server_do", R"({"do":"create","agent":"n9","params":{"eggConfig":{"image":"i"}}})");
    EXPECT_THAT(ended, HasSubstr("AGENT_OFFLINE: No agent can take this server"));
    EXPECT_THAT(ended, HasSubstr("n9: it is not connected"));
    call("hub.server_do", R"({"do":"create","params":{"eggConfig":{}}})");
    EXPECT_THAT(ended, HasSubstr("CONFIG_INVALID: eggConfig.image is missing"));
    call("hub.server_do", R"({"do":"create","params":{"eggConfig":{"image":"i"},"x":1}})");
    EXPECT_THAT(ended, HasSubstr("INVALID_REQUEST: unknown key \"x\""));
}

TEST_F(ServerControlTest, AnErrorHasItsRemedy)
{
    node("n1", json::object(), json::array({{{"serverId", "a"}}}));
    call("hub.server_do", R"({"do":"start","server":"a"})");
    fail("PORT_CONFLICT", "port 80 is used by nginx");
    EXPECT_EQ(ended, "PORT_CONFLICT: port 80 is used by nginx. " + std::string{remedy_of("PORT_CONFLICT")});
}

} // namespace
