// Every row of the panel document on a real engine, with a panel that was written from the document alone
// (peer/). A test is a group of rows; the peer prints a line for each row, and a failure names the row and what
// was wrong.
// Needs root.
#include "game_engine.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/secrets.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <sstream>
#include <utility>

using namespace agenthost::test;
using namespace std::chrono_literals;

namespace {

// busybox with what the peer's servers need.
void import_image(EngineProcess& engine)
{
    const TempDir dir;
    const auto root = dir / "root";
    for (const char* name :
         {"bin", "tmp", "proc", "dev", "sys", "etc", "home/container", "mnt/server", "mnt/install"})
        std::filesystem::create_directories(root / name);
    std::filesystem::copy_file("/bin/busybox", root / "bin/busybox");
    for (const char* applet :
         {"sh", "cat", "echo", "sleep", "head", "tail", "tr", "ln", "mkdir", "printf", "nc"})
        std::filesystem::create_symlink("busybox", root / "bin" / applet);
    engine.import_folder(root, engine.podman() ? "docker.io/library/panelpeer:1" : "panelpeer:1");
}

// A socket on which nobody answers, and which only its owner may open: another user than ours.
class ForeignSocket {
public:
    explicit ForeignSocket(const std::filesystem::path& path)
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        const bool made = ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                          ::listen(fd_, 8) == 0 && ::chown(path.c_str(), 1000, 1000) == 0 &&
                          ::chmod(path.c_str(), 0600) == 0;
        EXPECT_TRUE(made) << path;
    }
    ~ForeignSocket() { ::close(fd_); }
    ForeignSocket(const ForeignSocket&) = delete;
    ForeignSocket& operator=(const ForeignSocket&) = delete;

private:
    int fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

struct Agent {
    std::string socket;
    std::string more{};                 // keys of the plugin's configuration: ", init: false"
    std::vector<std::string> wrapper{}; // in front of the program
    bool slow_engine = false;           // takes seconds to answer a first question
};

class Peer : public testing::Test {
protected:
    void SetUp() override
    {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
        admin_ = sha256_hex("admin " + dir_.path().string());
        keep_secret(admin_);
    }

    // Plays a group of rows to its end.
    void play(const std::string& group, const Agent& agent)
    {
        const auto [certificate, key] = ca_.issue("panel", "IP:127.0.0.1");
        const auto script = source_dir() / "tests/integration/docker_panel/peer/main.mjs";
        std::vector<std::string> command{"node",     script.string(), group,    "--image",   "panelpeer:1",
                                         "--engine", agent.socket,    "--cert", certificate, "--key",
                                         key,        "--admin-token", admin_};
        if (agent.slow_engine) command.emplace_back("--slow-engine");
        Process panel{{.argv = command}};
        const std::string said = "listening ";
        ASSERT_TRUE(
            wait_for([&] { return panel.out().find('\n') != std::string::npos || !panel.running(); }));
        ASSERT_TRUE(panel.out().starts_with(said)) << panel.out() << panel.err();
        const std::string port = std::to_string(std::stoi(panel.out().substr(said.size())));
        Daemon daemon{{.yaml = yaml(port, agent),
                       .wrapper = agent.wrapper,
                       .env = {{"PANEL_ADMIN", admin_}},
                       .plugin_path = {plugin_dir().string()},
                       .dir = dir_ / "agent"}};
        ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
        const auto code = panel.wait(200s);
        EXPECT_EQ(code, 0) << "--- the rows ---\n"
                           << panel.out() << panel.err() << "--- the agent's log ---\n"
                           << daemon.log();
        EXPECT_EQ(daemon.stop(), 0) << daemon.log();
    }

    TempDir dir_;

private:
    [[nodiscard]] std::string yaml(const std::string& port, const Agent& agent) const
    {
        return "servers: [{name: panel, protocol: panel, tls: {ca: '" + ca_.ca() +
               "'}, reconnect: {initial: 100ms, max: 2s}, panel: {register_url: 'https://127.0.0.1:" + port +
               "/api/agents/register', admin_credential: {env: PANEL_ADMIN}, port: 8080}}]\n"
               "plugins:\n"
               "  telemetry: {enabled: true, required: true, config: {interval: 1s}}\n"
               "  docker: {enabled: true, required: true, config: {socket: '" +
               agent.socket + "', data_dir: '" + (dir_ / "servers").string() +
               "', uid: 1000, gid: 1000, allow_images: ['*'], bind_addresses: ['127.0.0.1'], network: "
               "gamenet, "
               "stats_interval: 1s" +
               agent.more + "}}\n";
    }

    TestCa ca_;
    std::string admin_;
};

class PanelDocument : public Peer, public testing::WithParamInterface<const char*> {
protected:
    static void SetUpTestSuite()
    {
        if (::geteuid() != 0) return;
        engine_ = new GameEngine;
        import_image(*engine_);
    }
    static void TearDownTestSuite() { delete std::exchange(engine_, nullptr); }
    void TearDown() override
    {
        if (engine_ != nullptr) engine_->remove_containers();
    }
    static GameEngine* engine_;
};
GameEngine* PanelDocument::engine_ = nullptr;

TEST_P(PanelDocument, Holds) { play(GetParam(), {.socket = engine_->socket()}); }
INSTANTIATE_TEST_SUITE_P(Rows, PanelDocument,
                         testing::Values("connection", "token", "creation", "several", "control", "status",
                                         "players", "realtime", "files", "heartbeat", "errors", "commands",
                                         "delivery", "flood"),
                         [](const auto& info) { return std::string{info.param}; });

// Those that an engine matters for.
class PanelDocumentOnPodman : public Peer, public testing::WithParamInterface<const char*> {
protected:
    static void SetUpTestSuite()
    {
        if (::geteuid() != 0) return;
        engine_ = new GameEngine{EngineProcess::Kind::podman};
        import_image(*engine_);
    }
    static void TearDownTestSuite() { delete std::exchange(engine_, nullptr); }
    void TearDown() override
    {
        if (engine_ != nullptr) engine_->remove_containers();
    }
    static GameEngine* engine_;
};
GameEngine* PanelDocumentOnPodman::engine_ = nullptr;

TEST_P(PanelDocumentOnPodman, Holds)
{
    play(GetParam(), {.socket = engine_->socket(),
                      .more = ", init: false", // no catatonit on test machines
                      .slow_engine = true});
}
INSTANTIATE_TEST_SUITE_P(Rows, PanelDocumentOnPodman, testing::Values("creation", "control", "status"),
                         [](const auto& info) { return std::string{info.param}; });

class PanelDocumentWithoutEngine : public Peer {};

TEST_F(PanelDocumentWithoutEngine, AnEngineThatIsMissingIsADockerError)
{
    play("dockerless", {.socket = (dir_ / "engine.sock").string()});
}

TEST_F(PanelDocumentWithoutEngine, ASocketOfAnotherUserIsPermissionDenied)
{
    const auto path = dir_ / "engine.sock";
    const ForeignSocket socket{path};
    // Root without the right to open everything, as an agent's own user is.
    const std::string no_override = "--bounding-set=-dac_override,-dac_read_search";
    play("denied", {.socket = path.string(), .wrapper = {"setpriv", no_override, "--inh-caps=-all"}});
}

} // namespace
