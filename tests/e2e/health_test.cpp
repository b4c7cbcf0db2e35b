// Health tells the truth: a disk that is full or out of inodes, a process out of descriptors, and that it is
// over. The disks are small tmpfs in a mount namespace of its own, in which this program runs again.
#include "../support/small_disk.hpp"
#include "hub.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

using namespace agenthost::test;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

std::int64_t now_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::size_t count(const std::string& text, const std::string& word)
{
    std::size_t n = 0;
    for (auto at = text.find(word); at != text.npos; at = text.find(word, at + word.size())) ++n;
    return n;
}

json condition(Daemon& daemon, const std::string& id)
{
    const json status = daemon.status();
    for (const json& c : status.value("conditions", json::array()))
        if (c["id"] == id) return c;
    return nullptr;
}

std::string page(Daemon& daemon, const std::string& path)
{
    return run({"curl", "-sS", "--max-time", "30", "--unix-socket", daemon.control(),
                "http://localhost" + path})
        .out;
}

// Commands run as whoever runs the test: as root, the default would be a user that this machine may not have.
std::string terminal()
{
    const passwd* me = ::getpwuid(::geteuid());
    return "terminal: {enabled: true, config: {allow: ['*'], run_as: " +
           std::string{me ? me->pw_name : "root"} + "}}";
}

TEST(FullDisk, DISABLED_Agent)
{
    Hub hub{false};
    TempDir elsewhere;
    auto yaml = agent_yaml(hub, elsewhere / "a", hub.add_agent("node-01"));
    for (auto at = yaml.find("{dir}"); at != yaml.npos; at = yaml.find("{dir}"))
        yaml.replace(at, 5, elsewhere.path().string());
    Daemon agent{{.yaml = yaml + "  " + terminal() + "\n", .dir = small_disk() + "/a"}};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    ASSERT_TRUE(wait_for([&] { return hub.online("node-01"); })) << agent.log();
    EXPECT_EQ(agent.cli({"health"}).code, 0);
    const auto remove = [&] {
        return hub
            .request("POST", "/api/agents/node-01/commands",
                     R"({"action":"delete","params":{"file_id":"x"}})")
            .body;
    };
    EXPECT_THAT(remove(), HasSubstr("FILE_NOT_FOUND"));

    const auto filled = now_ms();
    fill_disk(small_disk() + "/other");
    ASSERT_TRUE(wait_for([&] { return !condition(agent, "journal").is_null(); })) << agent.log();
    const json journal = condition(agent, "journal");
    EXPECT_LT(journal["since"].get<std::int64_t>() - filled, 3000) << "a second, and a loaded machine";
    const std::string file = small_disk() + "/a/state/journal.db";
    EXPECT_THAT(journal["reason"].get<std::string>(),
                AllOf(HasSubstr(file + ": the disk is full"), HasSubstr("Free space")));
    const auto health = agent.cli({"health"});
    EXPECT_EQ(health.code, 1);
    EXPECT_THAT(health.out,
                AllOf(HasSubstr("degraded"), HasSubstr("journal: " + file + ": the disk is full")));
    EXPECT_THAT(agent.cli({"status"}).out, HasSubstr("journal: " + file + ": the disk is full"));
    EXPECT_THAT(page(agent, "/readyz"), HasSubstr("journal: " + file + ": the disk is full"));
    EXPECT_THAT(page(agent, "/metrics"),
                AllOf(HasSubstr("agenthost_healthy 0"), HasSubstr("agenthost_condition{id=\"journal\"} 1")));

    EXPECT_THAT(remove(), AllOf(HasSubstr("DISK_FULL"), HasSubstr(file), HasSubstr("Free space")));
    EXPECT_THAT(hub.request("POST", "/api/agents/node-01/commands", R"({"action":"info"})").body,
                HasSubstr("free_bytes"))
        << "what has no effects goes on";
    const auto ran = agent.call("terminal.run", R"({"command":"echo still here"})");
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("still here")) << "a person can repair it";

    std::filesystem::remove(small_disk() + "/other");
    EXPECT_TRUE(wait_for([&] { return agent.cli({"health"}).code == 0; })) << agent.cli({"health"}).out;
    EXPECT_THAT(remove(), HasSubstr("FILE_NOT_FOUND"));
    EXPECT_EQ(count(agent.log(), "journal: degraded"), 1u) << agent.log();
    EXPECT_EQ(count(agent.log(), "journal: recovered"), 1u) << agent.log();
    EXPECT_EQ(agent.stop(), 0) << agent.log();
}

TEST(FullDisk, IsReportedEverywhereWithinASecondAndClearedAgain)
{
    if (!plugins_load_on_small_disk()) GTEST_SKIP() << "needs root: plugins on a small disk";
    in_small_disk("size=8m", "FullDisk.DISABLED_Agent");
}

TEST(FullDisk, DISABLED_Start)
{
    Daemon::Options options{.yaml = "plugins: {" + terminal() + "}\n", .dir = small_disk() + "/a"};
    {
        Daemon first{options};
        ASSERT_TRUE(first.wait_ready()) << first.log();
        first.kill9();
    }
    fill_disk(small_disk() + "/other");
    Daemon again{options};
    ASSERT_TRUE(again.wait_ready()) << again.log();
    ASSERT_TRUE(wait_for([&] { return !condition(again, "journal").is_null(); })) << again.log();
    EXPECT_EQ(again.call("terminal.run", R"({"command":"true"})").code, 0);
    EXPECT_EQ(again.stop(), 0) << again.log();
}

TEST(FullDisk, ADaemonCanStart)
{
    if (!plugins_load_on_small_disk()) GTEST_SKIP() << "needs root: plugins on a small disk";
    in_small_disk("size=8m", "FullDisk.DISABLED_Start");
}

TEST(FullDisk, DISABLED_Hub)
{
    TempDir elsewhere;
    Daemon hub{
        {.yaml = "listeners: [{name: hub, bind: '127.0.0.1:0'}]\nplugins:\n  hub: {enabled: true, config: "
                 "{listener: hub, spool: '" +
                 (elsewhere / "spool").string() + "'}}\n",
         .dir = small_disk() + "/h"}};
    ASSERT_TRUE(hub.wait_ready()) << hub.log();
    ASSERT_EQ(hub.cli({"hub", "agent", "add", "before", "--json"}).code, 0);
    fill_disk(small_disk() + "/other");
    ASSERT_TRUE(wait_for([&] { return !condition(hub, "plugin hub").is_null(); })) << hub.log();
    const json reason = condition(hub, "plugin hub");
    EXPECT_EQ(reason["grade"], "degraded");
    EXPECT_THAT(reason["reason"].get<std::string>(),
                AllOf(HasSubstr(small_disk() + "/h/state/plugins/hub"), HasSubstr("the disk is full"),
                      HasSubstr("Free space")));
    std::string refused; // until its write-ahead log has no space left
    ASSERT_TRUE(wait_for([&] {
        static int id = 0;
        const auto ran = hub.cli({"hub", "agent", "add", "a" + std::to_string(++id), "--json"});
        refused = ran.out + ran.err;
        return ran.code != 0;
    }));
    EXPECT_THAT(refused, AllOf(HasSubstr("DISK_FULL"), HasSubstr("the disk is full"))) << refused;
    std::filesystem::remove(small_disk() + "/other");
    EXPECT_TRUE(wait_for([&] { return hub.cli({"health"}).code == 0; })) << hub.cli({"health"}).out;
    EXPECT_EQ(hub.cli({"hub", "agent", "add", "after", "--json"}).code, 0);
    EXPECT_EQ(count(hub.log(), "plugin hub: recovered"), 1u) << hub.log();
    EXPECT_EQ(hub.stop(), 0) << hub.log();
}

TEST(FullDisk, OfTheHubIsReportedAndClearedAgain)
{
    if (!plugins_load_on_small_disk()) GTEST_SKIP() << "needs root: plugins on a small disk";
    in_small_disk("size=8m", "FullDisk.DISABLED_Hub");
}

TEST(FullDisk, DISABLED_Inodes)
{
    Daemon daemon{{.yaml = "", .dir = small_disk() + "/a"}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    std::filesystem::create_directory(small_disk() + "/many");
    int made = 0;
    while (std::ofstream{small_disk() + "/many/" + std::to_string(made)}) ++made;
    ASSERT_TRUE(wait_for([&] { return !condition(daemon, "state_dir").is_null(); })) << daemon.log();
    EXPECT_THAT(daemon.cli({"health"}).out,
                AllOf(HasSubstr("no free inodes"), HasSubstr(small_disk() + "/a/state")));
    std::filesystem::remove_all(small_disk() + "/many");
    EXPECT_TRUE(wait_for([&] { return daemon.cli({"health"}).code == 0; })) << daemon.cli({"health"}).out;
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

TEST(FullDisk, MissingInodesAreReported)
{
    in_small_disk("size=16m,nr_inodes=200", "FullDisk.DISABLED_Inodes");
}

TEST(Descriptors, ShortageIsReportedByASocketThatStillAnswers)
{
    Daemon daemon{{.yaml = "metrics: {bind: '127.0.0.1:0'}\n", .wrapper = {"prlimit", "--nofile=96:96"}}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    EXPECT_EQ(daemon.cli({"health"}).code, 0) << daemon.cli({"health"}).out;
    const auto at = daemon.address("metrics"); // "http://127.0.0.1:4711"
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(at.substr(at.rfind(':') + 1))));
    std::vector<int> idle;
    for (int i = 0; i < 120; ++i) { // connections that say nothing: each keeps one of its descriptors
        idle.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        ::connect(idle.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    EXPECT_TRUE(wait_for([&] { return daemon.log().find("descriptors: degraded") != std::string::npos; }))
        << daemon.log();
    const auto health = daemon.cli({"health"});
    EXPECT_EQ(health.code, 1) << health.err;
    EXPECT_THAT(health.out, AllOf(HasSubstr("descriptors: nearly all of the 96"), HasSubstr("LimitNOFILE")));
    for (const int fd : idle) ::close(fd);
    EXPECT_TRUE(wait_for([&] { return daemon.cli({"health"}).code == 0; })) << daemon.cli({"health"}).out;
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

// Nobody connects meanwhile. The old certificate is served, but the next start would fail.
TEST(Certificate, ThatIsDamagedOrGoneIsReportedAndClearedAgain)
{
    TestCa ca;
    const auto [certificate, key] = ca.issue("web", "IP:127.0.0.1");
    Daemon daemon{{.yaml = "listeners: [{name: web, bind: '127.0.0.1:0', tls: {certificate: '" + certificate +
                           "', key: '" + key + "'}}]\n"}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    EXPECT_EQ(daemon.cli({"health"}).code, 0) << daemon.cli({"health"}).out;
    const auto degraded = [&] {
        return wait_for([&] { return condition(daemon, "listener web").is_object(); }) &&
               daemon.cli({"health"}).out.find(certificate) != std::string::npos;
    };
    const std::string good = read_file(certificate);
    write_file(certificate, "garbage");
    EXPECT_TRUE(degraded()) << daemon.status();
    write_file(certificate, good);
    EXPECT_TRUE(wait_for([&] { return daemon.cli({"health"}).code == 0; })) << daemon.cli({"health"}).out;
    std::filesystem::remove(certificate);
    EXPECT_TRUE(degraded()) << daemon.status();
    write_file(certificate, good);
    EXPECT_TRUE(wait_for([&] { return daemon.cli({"health"}).code == 0; })) << daemon.cli({"health"}).out;
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

} // namespace
