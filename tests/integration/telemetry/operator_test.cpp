// What an operator has: the audit, health, metrics of the daemon itself, and a stop that takes as long as it
// may.
#include "tests/support/daemon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <sstream>

using namespace agenthost::test;
using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

namespace {

const std::string storage = "plugins:\n  storage: {enabled: true, required: true, config: {storage_path: "
                            "'{dir}/files', reserve_free: 1MiB}}\n";

std::vector<json> lines_of(const std::filesystem::path& file)
{
    std::vector<json> out;
    std::istringstream lines{read_file(file)};
    for (std::string line; std::getline(lines, line);) out.push_back(json::parse(line, nullptr, false));
    return out;
}

TEST(Operator, FindsEveryEffectInTheAudit)
{
    Daemon daemon{{.yaml = "audit: {file: '{dir}/audit.jsonl', sample: 0}\n" + storage}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    EXPECT_EQ(daemon.call("storage.info").code, 0); // no effect
    const std::string secret = "never-to-be-seen";
    EXPECT_EQ(daemon.call("storage.delete", R"({"file_id":")" + secret + "\"}").code, 1);
    EXPECT_EQ(daemon.call("storage.delete", R"({"file":")" + secret + "\"}").code,
              1); // refused by its schema
    const auto file = daemon.dir() / "audit.jsonl";
    ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(file) && lines_of(file).size() == 2; }))
        << daemon.log();
    const auto lines = lines_of(file);
    EXPECT_EQ(lines[0]["caller"], "control");
    EXPECT_EQ(lines[0]["action"], "storage.delete");
    EXPECT_EQ(lines[0]["outcome"], "error");
    EXPECT_EQ(lines[0]["code"], "FILE_NOT_FOUND");
    EXPECT_TRUE(lines[0]["took_ms"].is_number());
    EXPECT_FALSE(lines[0]["id"].get<std::string>().empty());
    EXPECT_EQ(lines[1]["code"], "INVALID_REQUEST");
    EXPECT_EQ(read_file(file).find(secret), std::string::npos) << "never a parameter";
    daemon.rewrite("audit: {file: '{dir}/audit.jsonl', sample: 1}\n" + storage);
    EXPECT_EQ(daemon.cli({"reload"}).code, 0);
    EXPECT_EQ(daemon.call("storage.info").code, 0);
    EXPECT_TRUE(wait_for([&] { return lines_of(file).size() == 3; })) << "a reload changes the sample";
    daemon.rewrite("audit: {file: '{dir}/other.jsonl', sample: 1}\n" + storage);
    EXPECT_THAT(daemon.cli({"reload"}).out, HasSubstr("audit.file changes at the next start"));
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

TEST(Operator, IsToldWhenTheAuditCannotBeWritten)
{
    Daemon daemon{{.yaml = "audit: {file: /proc/nowhere/audit}\n"}};
    EXPECT_FALSE(daemon.wait_ready());
    EXPECT_THAT(daemon.log(), HasSubstr("audit.file: cannot write /proc/nowhere/audit"));
}

TEST(Operator, SeesTheDaemonsOwnMetrics)
{
    Daemon daemon{{.yaml = "metrics: {bind: '127.0.0.1:0'}\nservers: [{name: away, protocol: storage, url: "
                           "'ws://127.0.0.1:1/', credential: {env: NOBODY}}]\n" +
                           storage}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    EXPECT_EQ(daemon.call("made.up").code, 1);
    ASSERT_EQ(daemon.call("storage.info").code, 0);
    const auto address = daemon.address("metrics");
    const auto text = run({"curl", "-sS", address + "/metrics"}).out;
    for (const char* part :
         {"agenthost_build_info{version=", R"(agenthost_commands_total{action="other",outcome="error"} 1)",
          R"(agenthost_commands_total{action="storage.info",outcome="success"} 1)",
          R"(agenthost_session_ready{server="away",protocol="storage"} 0)",
          R"(agenthost_plugin_healthy{plugin="storage"} 1)", "process_resident_memory_bytes ",
          R"(agenthost_listener_connections{listener="metrics"} 1)", "agenthost_journal_rows_max 100000",
          "agenthost_loop_age_seconds "})
        EXPECT_THAT(text, HasSubstr(part));
    EXPECT_EQ(text.find("made.up"), std::string::npos) << "a peer's word became a label";
    EXPECT_EQ(run({"curl", "-sS", address + "/healthz"}).out, "ok\n");
    const auto ready = run({"curl", "-sS", "-w", "%{http_code}", address + "/readyz"}).out;
    EXPECT_THAT(ready, HasSubstr("server away:"));
    EXPECT_THAT(ready, testing::EndsWith("200")); // it works; a server that is away is no reason to kill it
    const auto status = daemon.cli({"status"}).out;
    EXPECT_THAT(status, HasSubstr("0 of 1 server connected, 1 of 1 plugin healthy"));
    EXPECT_THAT(status, HasSubstr("! away: "));
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

// A configuration beside the daemon's own that finds the plugins of tests.
void with_test_plugins(const TempDir& dir)
{
    std::filesystem::create_directories(dir / "conf.d");
    write_file(dir / "conf.d/plugins.yaml",
               "agent: {plugin_path: ['" + (binary_dir() / "tests/plugins").string() + "']}\n");
}

TEST(Operator, IsToldWhenAnEventLoopStalls)
{
    TempDir dir;
    with_test_plugins(dir);
    Daemon daemon{{.yaml = "plugins:\n  blocker: {enabled: true, required: true}\n", .dir = dir.path()}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    const auto health = [&] {
        return run({"curl", "-sS", "-w", " %{http_code}", "--max-time", "30", "--unix-socket",
                    daemon.control(), "http://localhost/healthz"})
            .out;
    };
    EXPECT_EQ(health(), "ok\n 200");
    Process call{{.argv = {program("agenthost").string(), "--control-socket", daemon.control(), "call",
                           "blocker.block"}}};
    std::string said;
    ASSERT_TRUE(wait_for([&] { return said = health(), said.ends_with(" 503"); })) << said;
    EXPECT_THAT(said, testing::ContainsRegex("an event loop has stood still for [0-9]+\\.[0-9] s\n"));
    const auto status = daemon.cli({"status"});
    EXPECT_EQ(status.code, 1);
    EXPECT_THAT(status.err, HasSubstr("the daemon's event loop has stood still for"));
    write_file(dir / "state/plugins/blocker/go-on", "");
    ASSERT_TRUE(wait_for([&] { return health() == "ok\n 200"; }));
    EXPECT_EQ(call.wait(), 0);
    EXPECT_EQ(daemon.cli({"status"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

TEST(Operator, SetsHowLongAStopWaitsForCommands)
{
    // Without the key the command would be waited for 10 s.
    TempDir dir;
    with_test_plugins(dir);
    Daemon daemon{
        {.yaml = "shutdown: {commands: 200ms}\nplugins:\n  sdk_probe: {enabled: true, required: true}\n",
         .dir = dir.path()}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    Process call{{.argv = {program("agenthost").string(), "--control-socket", daemon.control(), "call",
                           "sdk_probe.keep"}}};
    ASSERT_TRUE(wait_for([&] {
        const auto status = daemon.status();
        return status.is_object() && status["dispatch"]["in_flight"] == 1;
    })) << daemon.log();
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 9s) << daemon.log();
}

} // namespace
