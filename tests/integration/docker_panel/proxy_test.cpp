// The plugin behind a proxy of the engine's socket that passes what GUIDE.md lists, and nothing else.
#include "rig.hpp"

#include <gmock/gmock.h>

#include <set>
#include <sstream>

using namespace agenthost::test;
using nlohmann::json;

namespace {

// The lines of the code block after the heading "Behind a socket proxy".
std::string documented_endpoints()
{
    const std::string guide = read_file(source_dir() / "plugins/docker/GUIDE.md");
    const auto heading = guide.find("## Behind a socket proxy");
    if (heading == std::string::npos) return {};
    std::istringstream in{guide.substr(heading)};
    std::string out;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("    "))
            out += line.substr(4) + "\n";
        else if (!out.empty())
            break;
    }
    return out;
}

class SocketProxy : public DockerPanel {
protected:
    void start()
    {
        node_.socket = dir_ / "proxy.sock";
        const auto script = source_dir() / "tests/integration/docker_panel/relay.mjs";
        write_file(dir_ / "list", documented_endpoints());
        proxy_ = std::make_unique<Process>(
            Process::Options{.argv = {"node", script.string(), node_.socket, engine_->socket(),
                                      (dir_ / "list").string(), (dir_ / "requests").string()}});
        ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(node_.socket) || !proxy_->running(); }));
        start_agent();
    }
    std::set<std::string> requests(const std::string& passed)
    {
        std::set<std::string> out;
        std::istringstream in{read_file(dir_ / "requests")};
        for (std::string line; std::getline(in, line);)
            if (line.ends_with(passed)) out.insert(line.substr(0, line.size() - 2));
        return out;
    }

    std::unique_ptr<Process> proxy_;
};

TEST_F(SocketProxy, PassesAllThatServersNeed)
{
    ASSERT_GE(documented_endpoints().size(), 100u);
    start();
    run_server("s1",
               {{"ports", {{"7777", 27711}}},
                {"install", {{"image", "panelgame:1"}, {"entrypoint", "sh"}, {"script", "echo installed"}}}});
    EXPECT_TRUE(panel_->call("send_command", "s1", {{"command", "say through the proxy"}})["success"]);
    EXPECT_TRUE(says("s1", "through the proxy"));
    EXPECT_FALSE(panel_->event("resource_update", [](const json&) { return true; }).is_null());
    EXPECT_TRUE(status("s1")["resources"]["cpu"].is_number());
    const json pull = panel_->call("image_pull", "", {{"image", "127.0.0.1:1/absent:1"}});
    EXPECT_EQ(pull["error"]["code"], "DOCKER_ERROR") << pull;
    EXPECT_TRUE(panel_->call("restart_server", "s1")["success"]);
    ASSERT_TRUE(is("s1", "running"));
    panel_->call("send_command", "s1", {{"command", "crash 3"}});
    ASSERT_FALSE(panel_
                     ->event("server_status_changed",
                             [](const json& data) { return data["currentStatus"] == "crashed"; })
                     .is_null());
    ASSERT_TRUE(is("s1", "running"));
    EXPECT_TRUE(panel_->call("stop_server", "s1")["success"]);
    EXPECT_TRUE(is("s1", "offline"));
    EXPECT_TRUE(panel_->call("start_server", "s1")["success"]);
    EXPECT_TRUE(panel_->call("kill_server", "s1")["success"]);
    EXPECT_TRUE(panel_->call("delete_server", "s1")["success"]);
    EXPECT_EQ(engine("GET", "/containers/json?all=1").size(), 0u);
    EXPECT_THAT(requests("0"), testing::IsEmpty()) << "asked for, but not in the list";
    EXPECT_GE(requests("1").size(), 10u);
}

// So that the list does not grow beyond what is needed.
TEST_F(SocketProxy, ListsNothingThatIsNotNeeded)
{
    start();
    run_server("s1");
    panel_->call("send_command", "s1", {{"command", "say x"}});
    panel_->call("image_pull", "", {{"image", "127.0.0.1:1/absent:1"}});
    panel_->call("kill_server", "s1");
    panel_->call("delete_server", "s1");
    std::set<std::string> seen;
    for (const std::string& request : requests("1")) {
        std::string shape = request;
        for (const auto& [before, name] : {std::pair{"/containers/", "ID"}, std::pair{"/images/", "NAME"}}) {
            const auto at = shape.find(before);
            if (at == std::string::npos) continue;
            const auto begin = at + std::string{before}.size();
            const auto last = shape.rfind('/');
            const std::string rest = shape.substr(begin);
            if (rest == "json" || rest == "create") continue;
            shape = shape.substr(0, begin) + name + (last > begin ? shape.substr(last) : "");
        }
        seen.insert(shape);
    }
    std::istringstream in{documented_endpoints()};
    for (std::string line; std::getline(in, line);)
        EXPECT_THAT(seen, testing::Contains(line)) << "in the list, but not asked for";
}

TEST_F(SocketProxy, ARefusalIsExplained)
{
    start();
    proxy_.reset();
    std::filesystem::remove(node_.socket);
    std::string list = documented_endpoints();
    const std::string gone = "POST /containers/create\n";
    ASSERT_NE(list.find(gone), std::string::npos);
    list.erase(list.find(gone), gone.size());
    write_file(dir_ / "list", list);
    const auto script = source_dir() / "tests/integration/docker_panel/relay.mjs";
    proxy_ = std::make_unique<Process>(
        Process::Options{.argv = {"node", script.string(), node_.socket, engine_->socket(),
                                  (dir_ / "list").string(), (dir_ / "requests").string()}});
    ASSERT_TRUE(
        wait_for([&] { return panel_->call("create_server", "s1", egg("s1")).value("success", false); }));
    ASSERT_TRUE(panel_->call("start_server", "s1").value("success", false));
    const json failed =
        panel_->event("server_status_changed", [](const json& data) { return data.contains("error"); });
    EXPECT_EQ(failed["error"]["code"], "PERMISSION_DENIED") << failed;
    EXPECT_THAT(failed["error"].value("message", ""), testing::HasSubstr("socket proxy"));
}

} // namespace
