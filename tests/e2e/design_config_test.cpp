// The design's configuration (design-config.yaml, a copy) works as a whole: it is checked, it is shown, and a
// daemon lives on it. Only places are changed: folders, and hosts that would be on the network.
#include "../support/daemon.hpp"
#include "../support/secrets.hpp"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace agenthost::test;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

namespace {

class DesignConfig : public testing::Test {
protected:
    DesignConfig()
    {
        std::filesystem::create_directories(dir_ / "credentials");
        for (const char* name : {"files", "desk.jwt", "ops_secret", "hub-admin", "hub-enroll", "hub-jwt"}) {
            const auto secret = sha256_hex(name + dir_.path().string());
            keep_secret(secret);
            write_file(dir_ / "credentials" / name, secret + "\n");
        }
        write_file(dir_ / "hub-agents.yaml",
                   "agents: [{id: node-01, secret: \"" + sha256_hex("node-01") + "\"}]\n");
        const auto [certificate, key] = ca_.issue("files", "DNS:files");
        std::filesystem::copy_file(certificate, dir_ / "c.pem");
        write_file(dir_ / "k.pem", read_file(key));
        text_ = read_file(source_dir() / "tests/e2e/design-config.yaml");
        replace("/etc/ssl/private-ca.pem", ca_.ca());
        replace("/etc/agenthost", dir_.path().string());
        replace("/var/lib/agenthost", (dir_ / "lib").string());
        replace("/run/agenthost", dir_.path().string());
        replace("/usr/lib/x86_64-linux-gnu/agenthost/plugins-1", plugin_dir().string());
        replace("pin_sha256: [..]", "pin_sha256: [" + std::string(43, 'A') + "=]");
        env_ = {{"PANEL_ADMIN", sha256_hex("panel" + dir_.path().string())},
                {"CREDENTIALS_DIRECTORY", (dir_ / "credentials").string()}};
        keep_secret(env_["PANEL_ADMIN"]);
    }
    void replace(const std::string& from, const std::string& to)
    {
        auto at = text_.find(from);
        EXPECT_NE(at, text_.npos) << from << " is no longer in the design's configuration";
        for (; at != text_.npos; at = text_.find(from, at + to.size())) text_.replace(at, from.size(), to);
    }
    // Plugins that this build has not: disabled from outside the file. Their names.
    std::vector<std::string> without_absent_plugins()
    {
        std::vector<std::string> absent;
        for (const char* id : {"docker", "printer"}) {
            if (std::filesystem::exists(plugin_dir() / (std::string{id} + ".so"))) continue;
            absent.emplace_back(id);
            std::string upper{id};
            for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
            env_["AGENTHOST__PLUGINS__" + upper + "__ENABLED"] = "false";
        }
        return absent;
    }
    Ran agenthost(std::vector<std::string> args)
    {
        write_file(dir_ / "agenthost.yaml", text_);
        args.insert(args.begin(), program("agenthost").string());
        args.insert(args.end(), {"-c", (dir_ / "agenthost.yaml").string()});
        return run(args, env_);
    }

    TempDir dir_;
    TestCa ca_;
    std::string text_;
    std::map<std::string, std::string> env_;
};

TEST_F(DesignConfig, PassesTheCheckWithoutAWarning)
{
    without_absent_plugins();
    const auto check = agenthost({"config", "check"});
    EXPECT_EQ(check.code, 0) << check.out << check.err;
    EXPECT_THAT(check.out + check.err, Not(HasSubstr("warning"))) << check.out << check.err;
    const auto show = agenthost({"config", "show"});
    EXPECT_EQ(show.code, 0) << show.err;
    for (const char* name : {"files", "games", "kitchen", "desk", "ops"})
        EXPECT_THAT(show.out, HasSubstr(std::string{"name: "} + name));
    EXPECT_TRUE(leaks(show.out + show.err + check.out + check.err).empty()) << show.out;
}

TEST_F(DesignConfig, ReportsEachMissingPluginOnce)
{
    const auto absent = without_absent_plugins();
    if (absent.empty()) GTEST_SKIP() << "this build has all of the design's plugins";
    std::erase_if(env_, [](const auto& one) { return one.first.starts_with("AGENTHOST__"); });
    const auto check = agenthost({"config", "check"});
    EXPECT_NE(check.code, 0);
    for (const auto& id : absent)
        EXPECT_THAT(check.err + check.out,
                    HasSubstr("plugins." + id + ": no such plugin in " + plugin_dir().string() +
                              ". Install its package, or set enabled: false"));
    EXPECT_THAT(check.err + check.out, HasSubstr(std::to_string(absent.size()) + " problem"));
}

TEST_F(DesignConfig, StartsADaemon)
{
    without_absent_plugins();
    // Nothing of a test leaves the machine: every server is a port of loopback where nobody listens.
    for (const char* host : {"files.example.com", "panel.example.com", "printer-hub.example.com",
                             "api.example.com", "203.0.113.7", "proxy.example.com:3128"})
        replace("://" + std::string{host}, "://127.0.0.1:1");
    replace("127.0.0.1:9464", "127.0.0.1:0");
    replace("127.0.0.1:3001", "127.0.0.1:0");
    const auto no_engine = (dir_ / "docker.sock").string();
    replace("/run/docker.sock", no_engine);
    write_file(dir_ / "agenthost.yaml", text_);
    const auto socket = (dir_ / "control.sock").string();
    Process daemon{{.argv = {program("agenthost").string(), "run", "-c", (dir_ / "agenthost.yaml").string()},
                    .env = env_}};
    const auto status = [&] {
        return nlohmann::json::parse(
            run({"curl", "-s", "--max-time", "10", "--unix-socket", socket, "http://localhost/v1/status"})
                .out,
            nullptr, false);
    };
    // Five sessions, each with a reason why it is away; the plugins work.
    ASSERT_TRUE(wait_for([&] {
        const auto now = status();
        if (!now.is_object() || now["servers"].size() != 5) return false;
        for (const auto& server : now["servers"])
            if (server.value("problem", "").empty()) return false;
        return true;
    })) << status().dump(1)
        << daemon.err();
    const auto now = status(); // outlives the loop over its part
    for (const auto& plugin : now["plugins"]) {
        const auto problem = plugin.value("problem", "");
        if (plugin["id"] == "docker")
            EXPECT_THAT(problem, AnyOf("", HasSubstr(no_engine))) << "it waits for its engine";
        else
            EXPECT_EQ(problem, "") << plugin;
    }
    const auto call =
        run({program("agenthost").string(), "--control-socket", socket, "call", "storage.info"});
    EXPECT_EQ(call.code, 0) << call.err << daemon.err();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), 0) << daemon.err();
    EXPECT_TRUE(leaks(daemon.err() + daemon.out()).empty()) << daemon.err();
}

} // namespace
