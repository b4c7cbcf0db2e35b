// Fifty servers of one agent at once.
#include "rig.hpp"

#include <gmock/gmock.h>

#include <map>

using namespace agenthost::test;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr int count = 50;
constexpr auto long_wait = 240s; // 50 containers on two busy cores

class Scale : public DockerPanel {
protected:
    static std::string id(int i) { return "s" + std::to_string(i); }
    // How many servers are in each state, by one list_servers.
    std::map<std::string, int> states()
    {
        std::map<std::string, int> out;
        const json list = panel_->call("list_servers", "", {{"limit", 100}})["data"];
        if (list.is_object())
            for (const json& one : list["servers"]) ++out[one["status"].get<std::string>()];
        return out;
    }
    bool all(const std::string& state)
    {
        return wait_for([&] { return states() == std::map<std::string, int>{{state, count}}; }, long_wait);
    }
    // The action for all servers at once; each must be answered with success.
    void tell_all(const std::string& action, const std::function<json(int)>& payload = {})
    {
        std::vector<std::string> asked;
        for (int i = 0; i < count; ++i)
            asked.push_back(panel_->send(action, id(i), payload ? payload(i) : json()));
        for (int i = 0; i < count; ++i) {
            const json answer = panel_->response(asked[static_cast<std::size_t>(i)]);
            ASSERT_TRUE(answer.value("success", false)) << action << " " << id(i) << " " << answer;
        }
    }
};

TEST_F(Scale, FiftyServersStartAndStopAtOnce)
{
    node_.stats_interval = "5s";
    start_agent();
    tell_all("create_server", [](int i) {
        json more{{"limits", {{"memory", "32m"}, {"cpu", "1"}}}};
        if (i < 10) more["ports"] = {{"7777", 27900 + i}};
        return egg(id(i), more);
    });
    ASSERT_TRUE(all("offline")) << json(states());
    tell_all("start_server");
    ASSERT_TRUE(all("running")) << json(states());
    EXPECT_EQ(engine("GET", "/containers/json").size(), static_cast<std::size_t>(count));

    // Each console is its server's own.
    tell_all("send_command", [](int i) { return json{{"command", "say I am " + id(i)}}; });
    for (int i = 0; i < count; ++i) ASSERT_TRUE(says(id(i), "[INFO]: I am " + id(i))) << id(i);
    for (const int i : {0, 17, 49}) {
        int said = 0;
        for (const std::string& line : console(id(i)))
            if (line.starts_with("[INFO]: I am ")) {
                EXPECT_EQ(line, "[INFO]: I am " + id(i));
                ++said;
            }
        EXPECT_EQ(said, 1);
    }

    // All of them outlive the agent.
    kill_agent();
    start_agent();
    ASSERT_TRUE(all("running")) << json(states());

    tell_all("stop_server");
    ASSERT_TRUE(all("offline")) << json(states());
    EXPECT_EQ(engine("GET", "/containers/json").size(), 0u);
    for (const json& data : panel_->events("server_status_changed"))
        EXPECT_NE(data["currentStatus"], "crashed") << data;
    tell_all("delete_server");
    EXPECT_EQ(engine("GET", "/containers/json?all=1").size(), 0u);
    EXPECT_TRUE(states().empty());
}

} // namespace
