// What the hub knows about an agent's machine: when it registers, and whenever its engine appears, goes away
// or returns as another one.
#include "fixture.hpp"

#include "tests/support/fake_http.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <memory>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

// An engine without containers, with facts of the test's choice.
class ScriptedEngine {
public:
    ScriptedEngine(std::filesystem::path socket, std::string version, std::uint64_t memory, int cores)
        : version_{std::move(version)}, memory_{memory}, cores_{cores},
          http_{std::move(socket), [this](auto& peer, const auto& request) { answer(peer, request.target); }}
    {}

private:
    void answer(FakeHttp::Peer& peer, const std::string& target) const
    {
        if (target == "/_ping") return (void)peer.reply(200, "OK", "Api-Version: 1.41\r\n");
        if (target == "/v1.41/version")
            return (void)peer.reply(
                200, json{{"Version", version_}, {"ApiVersion", "1.41"}, {"Arch", "arm64"}}.dump());
        if (target == "/v1.41/info")
            return (void)peer.reply(200,
                                    json{{"ID", version_}, {"MemTotal", memory_}, {"NCPU", cores_}}.dump());
        if (target.find("/events") != std::string::npos) {
            peer.begin_chunked();
            return peer.wait_closed();
        }
        if (target.find("/containers/json") != std::string::npos) return (void)peer.reply(200, "[]");
        peer.reply(404, R"({"message":"no such container"})");
    }

    const std::string version_;
    const std::uint64_t memory_;
    const int cores_;
    FakeHttp http_; // the last member: its threads use the others
};

class DockerHubCapabilities : public DockerHub {
protected:
    void SetUp() override
    {
        DockerHub::SetUp();
        config_of_node_.socket = dir_ / "engine.sock"; // nobody listens there yet
    }
    void point_to(const std::string& socket)
    {
        std::filesystem::remove(dir_ / "engine.sock");
        std::filesystem::create_symlink(socket, dir_ / "engine.sock");
    }
    // Another engine, where the agent looks for it.
    void replace_engine(const std::string& version, std::uint64_t memory, int cores)
    {
        scripted_.reset();
        scripted_ = std::make_unique<ScriptedEngine>(dir_ / "scripted.sock", version, memory, cores);
        point_to(dir_ / "scripted.sock");
    }
    json machine() { return ask("GET", "/api/agents/" + id_).json.value("machine", json::object()); }
    bool has_version(const std::string& version)
    {
        return wait_for([&] { return machine().value("dockerVersion", "") == version; });
    }
    std::size_t changes()
    {
        std::size_t count = 0;
        const json events = ask("GET", "/api/agents/" + id_ + "/events?limit=500").json["events"];
        for (const json& event : events)
            count += event.dump().find("capabilities_changed") != std::string::npos;
        return count;
    }
    // What the daemon says about the docker plugin.
    json plugin()
    {
        const json plugins = node_->status()["plugins"];
        for (const json& one : plugins)
            if (one.value("id", "") == "docker") return one;
        return {};
    }
    bool is_degraded(bool wanted, std::chrono::milliseconds max = 20s)
    {
        return wait_for([&] { return plugin().value("degraded", !wanted) == wanted; }, max);
    }
    // Empty: a server would be placed on the agent.
    std::string no_placement()
    {
        const Answer answer = ask("POST", "/api/servers?dry_run=true", GameEngine::egg("s1"));
        return answer.status == 200 ? "" : answer.body;
    }

    std::unique_ptr<ScriptedEngine> scripted_;
};

TEST_F(DockerHubCapabilities, FollowTheEngineOfTheAgent)
{
    start_agent();
    EXPECT_TRUE(is_degraded(true, 1s)) << plugin();
    EXPECT_THAT(plugin().dump(), HasSubstr((dir_ / "engine.sock").string())) << "the reason";
    json known = machine();
    EXPECT_FALSE(known.contains("dockerVersion")) << known;
    EXPECT_THAT(known["features"].dump(), HasSubstr("docker")) << known;
    EXPECT_GT(known["maxCpuCores"], 0);
    EXPECT_TRUE(wait_for([&] {
        return no_placement().find("its heartbeat says degraded") != std::string::npos;
    })) << no_placement();

    // The engine is installed.
    const std::string version = engine_->ask("GET", "/version")["Version"];
    point_to(engine_->socket());
    ASSERT_TRUE(has_version(version)) << machine();
    known = machine();
    EXPECT_THAT(known["features"].dump(), HasSubstr("docker")) << "what the registration said stays";
    EXPECT_THAT(known["maxMemory"].get<std::string>(), HasSubstr("MB"));
    EXPECT_EQ(changes(), 1u);
    EXPECT_TRUE(is_degraded(false)) << plugin();
    EXPECT_TRUE(wait_for([&] { return no_placement().empty(); })) << no_placement();

    // It restarts: nothing is new.
    engine_->stop();
    EXPECT_TRUE(is_degraded(true, 3s)) << "its health is asked each second: " << plugin();
    EXPECT_EQ(machine(), known) << "what it was stays";
    engine_->start();
    EXPECT_TRUE(is_degraded(false)) << plugin();
    EXPECT_EQ(changes(), 1u);

    // Another one takes its place.
    engine_->stop();
    replace_engine("99.1.2", 8ull << 30, 7);
    ASSERT_TRUE(has_version("99.1.2")) << machine();
    known = machine();
    EXPECT_EQ(known["maxMemory"], "8192MB");
    EXPECT_EQ(known["maxCpuCores"], 7);
    EXPECT_EQ(known["supportedArchitectures"], json::array({"arm64"}));
    EXPECT_EQ(changes(), 2u);
    EXPECT_TRUE(node_->running());
}

TEST_F(DockerHubCapabilities, ReachTheHubWhenTheyChangedWhileTheAgentWasStopped)
{
    replace_engine("99.1.2", 8ull << 30, 7);
    start_agent();
    EXPECT_EQ(machine()["dockerVersion"], "99.1.2") << "at the registration: " << machine();
    EXPECT_EQ(machine()["maxCpuCores"], 7);
    EXPECT_TRUE(node_->running());
    node_.reset();
    replace_engine("99.2.0", 4ull << 30, 3);
    start_agent();
    EXPECT_TRUE(has_version("99.2.0")) << machine();
    EXPECT_EQ(machine()["maxMemory"], "4096MB");
}

TEST_F(DockerHubCapabilities, ReachTheHubWhenTheyChangedWhileItWasAway)
{
    replace_engine("99.1.2", 8ull << 30, 7);
    start_agent();
    listener_ = url_.substr(url_.find("//") + 2); // the same port again
    daemon_->stop();
    replace_engine("99.2.0", 4ull << 30, 3);
    ASSERT_TRUE(wait_for([&] { return node_->log().find("99.2.0 answers") != std::string::npos; }));
    restart();
    ASSERT_TRUE(wait_for([&] { return online(id_); }));
    EXPECT_TRUE(has_version("99.2.0")) << machine();
}

} // namespace
