// Images from registries that the test serves by HTTP on loopback: progress, every kind of failure,
// credentials.
#include "rig.hpp"

#include <gmock/gmock.h>

#include <sstream>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

constexpr const char* password = "correct horse 42";

// Played by registry.mjs: the game's image with 8 MiB of ballast.
class Registry {
public:
    explicit Registry(bool with_password = false)
    {
        const auto root = dir_ / "root";
        std::filesystem::create_directories(root / "bin");
        for (const char* name : {"tmp", "proc", "dev", "sys", "etc", "home/container"})
            std::filesystem::create_directories(root / name);
        std::filesystem::copy_file(binary_dir() / "tests/docker_game", root / "bin/game");
        write_file(root / "ballast", random_bytes(8 << 20, 11), 0644);
        run({"tar", "-C", root.string(), "-cf", (dir_ / "layer.tar").string(), "."});
        if (with_password) write_file(dir_ / "password", password);
        const auto script = source_dir() / "tests/integration/docker_panel/registry.mjs";
        node_ = std::make_unique<Process>(
            Process::Options{.argv = {"node", script.string(), dir_.path().string()}});
        wait_for([this] { return std::filesystem::exists(dir_ / "port") || !node_->running(); });
        address_ = "127.0.0.1:" + read_file(dir_ / "port");
    }
    [[nodiscard]] const std::string& address() const { return address_; }
    // Of the repository.
    [[nodiscard]] std::string image(const std::string& name) const { return address_ + "/" + name + ":1"; }
    // "METHOD /path authorization"
    std::vector<std::string> requests() const
    {
        std::vector<std::string> out;
        std::istringstream in{read_file(dir_ / "log")};
        for (std::string line; std::getline(in, line);) out.push_back(line);
        return out;
    }
    void end() { node_.reset(); }

private:
    TempDir dir_;
    std::unique_ptr<Process> node_;
    std::string address_;
};

class Pull : public DockerPanel {
protected:
    json pull(const Registry& registry, const std::string& name)
    {
        return panel_->call("image_pull", "", {{"image", registry.image(name)}});
    }
    bool present(const std::string& image)
    {
        return engine("GET", "/images/" + image + "/json").contains("Id");
    }
    std::string registries(const Registry& registry)
    {
        write_file(dir_ / "password", password);
        return ", registries: [{registry: '" + registry.address() + "', username: bot, password: {file: '" +
               (dir_ / "password").string() + "'}}]";
    }
};

TEST_F(Pull, TellsItsProgress)
{
    const Registry registry;
    start_agent();
    const json answer = pull(registry, "good/game");
    ASSERT_TRUE(answer["success"].get<bool>()) << answer;
    EXPECT_EQ(answer["data"]["image"], registry.image("good/game"));
    EXPECT_TRUE(present(registry.image("good/game")));
    const std::vector<json> told = panel_->events("progress");
    ASSERT_GE(told.size(), 2u);
    int last = 0, between = 0;
    for (const json& one : told) {
        EXPECT_EQ(one["image"], registry.image("good/game"));
        EXPECT_GE(one["percent"].get<int>(), last);
        last = one["percent"];
        between += last > 0 && last < 100 ? 1 : 0;
        EXPECT_LE(one["bytes"].get<std::uint64_t>(), one["bytesTotal"].get<std::uint64_t>());
    }
    EXPECT_GE(between, 1) << json(told);
    EXPECT_TRUE(pull(registry, "good/game")["success"].get<bool>()) << "again is no fault";
}

TEST_F(Pull, AFailureHasTheDocumentsError)
{
    const Registry registry;
    start_agent();
    struct Case {
        std::string name, code, text;
    };
    // The layer of broken/game is refused by the engine inside of a stream with status 200.
    for (const Case& one :
         {Case{"absent/game", "CONFIG_INVALID", "Pull the image first, or correct its name"},
          Case{"broken/game", "DOCKER_ERROR", "filesystem layer verification failed"},
          Case{"private/game", "DOCKER_ERROR", "credential configured for exactly this"},
          Case{"limited/game", "RATE_LIMIT", "Wait before the next pull"}}) {
        const json answer = pull(registry, one.name);
        EXPECT_FALSE(answer.value("success", true)) << answer;
        EXPECT_EQ(answer["error"]["code"], one.code) << answer;
        EXPECT_THAT(answer["error"].value("message", ""), HasSubstr(one.text)) << one.name;
        EXPECT_THAT(answer["error"].value("message", ""), HasSubstr(registry.image(one.name)));
        EXPECT_FALSE(present(registry.image(one.name)));
    }
    // A registry that asked for a pause is not asked again at once.
    const std::size_t before = registry.requests().size();
    const json soon = pull(registry, "limited/game");
    EXPECT_EQ(soon["error"]["code"], "RATE_LIMIT") << soon;
    EXPECT_THAT(soon["error"].value("message", ""), HasSubstr("The next one is possible in"));
    EXPECT_EQ(registry.requests().size(), before);
}

TEST_F(Pull, AnUnreachableRegistryIsNamed)
{
    Registry registry;
    registry.end();
    start_agent();
    const json answer = pull(registry, "good/game");
    EXPECT_EQ(answer["error"]["code"], "DOCKER_ERROR") << answer;
    EXPECT_THAT(answer["error"].value("message", ""), HasSubstr("registry's name"));
}

TEST_F(Pull, GivesACredentialToExactlyItsRegistry)
{
    const Registry ours{true}, other{true};
    start_agent(registries(ours));
    ASSERT_TRUE(pull(ours, "private/game")["success"].get<bool>());
    EXPECT_FALSE(pull(other, "private/game")["success"].get<bool>());
    ASSERT_FALSE(other.requests().empty());
    for (const std::string& line : other.requests()) EXPECT_TRUE(line.ends_with(" -")) << line;
    EXPECT_EQ(agent_->log().find(password), std::string::npos);
}

TEST_F(Pull, AServerPullsItsImageAndTellsTheProgress)
{
    const Registry registry;
    start_agent();
    ASSERT_TRUE(panel_->call("create_server", "s1", egg("s1", {{"image", registry.image("good/game")}}))
                    .value("success", false));
    const json started = panel_->call("start_server", "s1");
    ASSERT_TRUE(started["success"].get<bool>()) << started;
    ASSERT_TRUE(is("s1", "running")) << status("s1");
    EXPECT_FALSE(
        panel_->event("pull_progress", [](const json& data) { return data["serverId"] == "s1"; }).is_null());
}

TEST_F(Pull, AServerWhosePullFailsIsOfflineWithTheReason)
{
    const Registry registry;
    start_agent();
    panel_->call("create_server", "s1", egg("s1", {{"image", registry.image("broken/game")}}));
    panel_->call("start_server", "s1");
    const json fault =
        panel_->event("server_status_changed", [](const json& data) { return data.contains("error"); });
    ASSERT_FALSE(fault.is_null());
    EXPECT_EQ(fault["currentStatus"], "offline");
    EXPECT_EQ(fault["error"]["code"], "DOCKER_ERROR") << fault;
    EXPECT_THAT(fault["error"].value("message", ""), HasSubstr("verification failed"));
    EXPECT_TRUE(is("s1", "offline"));
}

TEST_F(Pull, KillEndsAPullThatNeverEnds)
{
    const Registry registry;
    start_agent();
    panel_->call("create_server", "s1", egg("s1", {{"image", registry.image("endless/game")}}));
    panel_->call("start_server", "s1");
    ASSERT_TRUE(wait_for([&] { return status("s1").contains("pulling"); })) << status("s1");
    const auto before = std::chrono::steady_clock::now();
    EXPECT_TRUE(panel_->call("kill_server", "s1")["success"].get<bool>());
    EXPECT_TRUE(is("s1", "offline"));
    EXPECT_LT(std::chrono::steady_clock::now() - before, 20s);
    EXPECT_TRUE(panel_->call("delete_server", "s1")["success"].get<bool>());
}

TEST_F(Pull, AnImageThatIsThereStartsWithoutItsRegistry)
{
    Registry registry;
    start_agent(", pull: always");
    ASSERT_TRUE(pull(registry, "good/game")["success"].get<bool>());
    registry.end();
    run_server("s1", {{"image", registry.image("good/game")}});
    EXPECT_TRUE(says("s1", "pull image")) << "a warning in the console's events";
    start_agent(", pull: never");
    ASSERT_TRUE(is("s1", "running"));
    panel_->call("create_server", "s2", egg("s2", {{"image", "127.0.0.1:1/absent:1"}}));
    EXPECT_EQ(panel_->call("start_server", "s2")["data"]["status"], "starting");
    const json failed = panel_->event("server_status_changed", [](const json& data) {
        return data["serverId"] == "s2" && data.contains("error");
    });
    EXPECT_EQ(failed["error"]["code"], "CONFIG_INVALID") << failed;
    EXPECT_THAT(failed["error"].value("message", ""), HasSubstr("pull is never"));
}

TEST_F(Pull, ARestartPullsBeforeItStopsAndLeavesTheServerRunningIfThatFails)
{
    Registry registry;
    start_agent();
    run_server("s1", {{"image", registry.image("good/game")}});
    const std::string container = status("s1")["containerId"];
    // As a clean-up of images would leave it: the container has what it needs, and its name leads nowhere.
    engine("DELETE", "/images/" + registry.image("good/game") + "?force=1");
    ASSERT_FALSE(present(registry.image("good/game")));
    registry.end();
    EXPECT_EQ(panel_->call("restart_server", "s1")["data"]["status"], "stopping");
    const json failed =
        panel_->event("server_status_changed", [](const json& data) { return data.contains("error"); });
    EXPECT_EQ(failed["previousStatus"], "stopping") << failed;
    EXPECT_EQ(failed["currentStatus"], "running") << failed;
    EXPECT_EQ(failed["error"]["code"], "DOCKER_ERROR") << failed;
    EXPECT_EQ(status("s1")["containerId"], container) << "the same run";
}

} // namespace
