#include "fixture.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <thread>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

namespace {

using HubFaults = HubDaemon;

TEST_F(HubFaults, MovesWorkOfADeadAgentToItsNextSession)
{
    boot();
    auto first = agent("n1", "hold");
    json done;
    std::thread caller{[&] { done = command("n1", "test.echo", {{"n", 5}}).json; }};
    const json asked = first->wait("command");
    first->process().signal(SIGKILL);
    ASSERT_TRUE(wait_for([&] { return !online("n1"); }));
    EXPECT_EQ(ask("GET", "/api/tasks/" + asked["request_id"].get<std::string>()).json["status"], "pending");
    const auto second = agent("n1");
    EXPECT_EQ(second->wait("command"), asked) << "the same request id";
    caller.join();
    EXPECT_EQ(done["status"], "success") << done;
    EXPECT_EQ(done["data"]["n"], 5);
    EXPECT_EQ(done["sent"], 2);
}

TEST_F(HubFaults, GivesUpOnACommandThatKillsItsAgent)
{
    boot();
    json done;
    int status = 0;
    auto n1 = agent("n1");
    std::thread caller{[&] {
        const auto answer = command("n1", "test.die");
        status = answer.status;
        done = answer.json;
    }};
    for (int i = 0; i < 4; ++i) {
        n1->wait("command");
        EXPECT_EQ(n1->process().wait(), 9);
        ASSERT_TRUE(wait_for([&] { return !online("n1"); }));
        n1 = agent("n1");
    }
    caller.join();
    EXPECT_EQ(status, 503);
    EXPECT_EQ(done["status"], "failed") << done;
    EXPECT_EQ(command("n1", "info").status, 200) << "the fifth lives on";
}

// It was sent again on each new session, and ended that one too.
TEST_F(HubFaults, AnAnswerLargerThanTheHubAcceptsEndsItsTaskNotTheNextSession)
{
    boot("message_bytes: 64KiB");
    const auto first = agent("n1");
    const auto large = command("n1", "test.echo", {{"text", std::string(100'000, 'x')}});
    EXPECT_EQ(large.status, 413) << large.body;
    EXPECT_EQ(large.json["error"]["code"], "TOO_LARGE");
    EXPECT_THAT(large.body, HasSubstr("message_bytes is 65536"));
    ASSERT_TRUE(wait_for([&] { return !online("n1"); }));
    const auto second = agent("n1");
    EXPECT_EQ(command("n1", "test.echo", {{"n", 1}}).status, 200);
}

TEST_F(HubFaults, ASecondSessionOfAnAgentEndsTheFirst)
{
    boot();
    const auto first = agent("n1");
    const auto second = agent("n1");
    EXPECT_EQ(first->wait("closed"), 1000);
    EXPECT_EQ(command("n1", "info").status, 200);
    EXPECT_TRUE(first->said("command").empty());
    EXPECT_EQ(second->said("command").size(), 1U);
}

TEST_F(HubFaults, RefusesAndClosesOnAWrongToken)
{
    boot();
    for (const char* id : {"n1", "nobody"}) {
        NodeAgent stranger{socket_url(), id, "not-the-secret"};
        EXPECT_EQ(stranger.wait("welcome")["status"], "error");
        EXPECT_EQ(stranger.wait("closed"), 1008);
    }
    EXPECT_EQ(command("n1", "info").status, 503);
    EXPECT_THAT(daemon_->log(), Not(HasSubstr("not-the-secret")));
}

TEST_F(HubFaults, MintsListsAndRevokesTokensByTheCli)
{
    boot();
    const Ran added = daemon_->cli({"hub", "agent", "add", "n9"});
    ASSERT_EQ(added.code, 0) << added.err;
    const std::string secret = added.out.substr(0, added.out.find('\n'));
    NodeAgent n9{socket_url(), "n9", secret};
    EXPECT_EQ(n9.wait("welcome")["status"], "ok");
    EXPECT_THAT(daemon_->cli({"hub", "agent", "list"}).out, HasSubstr("n9\tonline\tminted\tstorage\n"));
    const json list = json::parse(daemon_->cli({"hub", "agent", "list", "--json"}).out);
    EXPECT_EQ(list["agents"].size(), 3U);

    const Ran again = daemon_->cli({"hub", "agent", "add", "n9"});
    EXPECT_EQ(again.code, 1);
    EXPECT_THAT(again.err, HasSubstr("--rotate"));
    EXPECT_EQ(daemon_->cli({"hub", "agent", "revoke", "n9"}).code, 0);
    EXPECT_EQ(n9.wait("closed"), 1008);
    NodeAgent late{socket_url(), "n9", secret};
    EXPECT_EQ(late.wait("welcome")["status"], "error");
    EXPECT_EQ(command("n9", "info").status, 404);
    EXPECT_EQ(daemon_->cli({"hub", "agent", "revoke", "n9"}).code, 1);
    EXPECT_EQ(daemon_->cli({"hub", "agent"}).code, 2);
    EXPECT_EQ(daemon_->cli({"hub", "agent", "add"}).code, 2);

    const json token = json::parse(daemon_->cli({"hub", "token", "new", "ci", "--json"}).out);
    const std::string bearer = token["token"];
    EXPECT_EQ(curl({"-H", "Authorization: Bearer " + bearer, url_ + "/api/agents"}, false).status, 200);
    EXPECT_THAT(daemon_->cli({"hub", "token", "list"}).out, HasSubstr("\tci\tadmin\tnever\n"));
    EXPECT_EQ(daemon_->cli({"hub", "token", "revoke", token["id"]}).code, 0);
    EXPECT_EQ(curl({"-H", "Authorization: Bearer " + bearer, url_ + "/api/agents"}, false).status, 401);
    for (const std::string& hidden : {secret, bearer, token_})
        EXPECT_THAT(daemon_->log(), Not(HasSubstr(hidden)));
}

TEST_F(HubFaults, TheCliReportsThatNoDaemonAnswers)
{
    const Ran ran = run({(plugin_dir() / "agenthost-hub").string(), "--control",
                         (dir_ / "none.sock").string(), "agent", "list"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err,
                HasSubstr("no daemon answers on " + (dir_ / "none.sock").string() + ": start it with"));
}

// The files in transit that a process holds.
int in_transit(pid_t pid)
{
    int n = 0;
    for (const auto& fd : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/fd"}) {
        std::error_code gone;
        n += std::filesystem::read_symlink(fd.path(), gone).string().find("/spool/transfer.") !=
                     std::string::npos
                 ? 1
                 : 0;
    }
    return n;
}

TEST_F(HubFaults, ABrokenPutLeavesNothingBehind)
{
    boot();
    const auto n1 = agent("n1");
    write_file(dir_ / "up", random_bytes(4 << 20, 5));
    {
        Process caller{
            {.argv = {"curl", "-sS", "--limit-rate", "200k", "-H", "Authorization: Bearer " + token_, "-T",
                      (dir_ / "up").string(), url_ + "/api/agents/n1/files/f1"}}};
        ASSERT_TRUE(wait_for([&] { return in_transit(daemon_->pid()) > 0; }));
        caller.signal(SIGKILL);
    }
    EXPECT_TRUE(wait_for([&] { return in_transit(daemon_->pid()) == 0; }));
    EXPECT_TRUE(n1->said("command").empty());
    EXPECT_EQ(put("n1", "f1", dir_ / "up").status, 200);
    EXPECT_TRUE(wait_for([&] { return in_transit(daemon_->pid()) == 0; })) << "nor does one that worked";
}

TEST_F(HubFaults, RefusesTooLargeFilesBeforeTheyAreSent)
{
    boot("max_file: 1MiB, spool_bytes: 3MiB");
    const auto n1 = agent("n1");
    write_file(dir_ / "up", random_bytes(2 << 20, 5));
    const auto declared = put("n1", "f1", dir_ / "up");
    EXPECT_EQ(declared.status, 413);
    EXPECT_EQ(declared.json["error"]["code"], "TOO_LARGE");
    EXPECT_EQ(put("n1", "f1", dir_ / "up", {"-H", "Transfer-Encoding: chunked"}).status, 413);
    EXPECT_TRUE(n1->said("command").empty());
    EXPECT_TRUE(wait_for([&] { return in_transit(daemon_->pid()) == 0; }));
}

TEST_F(HubFaults, AWrongChecksumLeavesNothingBehind)
{
    boot();
    const auto n1 = agent("n1");
    write_file(dir_ / "up", "content");
    EXPECT_EQ(put("n1", "f1", dir_ / "up", {"-H", "X-Content-SHA256: " + sha256_hex("other")}).status, 422);
    EXPECT_TRUE(n1->said("command").empty());
    EXPECT_TRUE(wait_for([&] { return in_transit(daemon_->pid()) == 0; }));
}

TEST_F(HubFaults, WaitsForAnAgentThatLeavesDuringAFileCall)
{
    boot("agent_grace: 300ms");
    const auto n1 = agent("n1", "hold");
    int status = 0;
    std::thread caller{[&] { status = ask("GET", "/api/agents/n1/files/f1").status; }};
    n1->wait("command");
    n1->process().signal(SIGKILL);
    caller.join();
    EXPECT_EQ(status, 503);
}

TEST_F(HubFaults, AnAcceptedTaskSurvivesKill9)
{
    boot("", "127.0.0.1:" + std::to_string(free_port()));
    const auto first = agent("n1", "hold");
    const auto accepted = command("n1", "test.echo", {{"n", 1}}, 0);
    ASSERT_EQ(accepted.status, 202);
    const std::string id = accepted.json["id"];
    daemon_->kill9();
    restart();
    EXPECT_EQ(ask("GET", "/api/tasks/" + id).json["status"], "pending");
    EXPECT_EQ(ask("GET", "/api/agents/n1").json["status"], "offline");
    const auto second = agent("n1");
    EXPECT_EQ(second->wait("command")["request_id"], id);
    EXPECT_TRUE(wait_for([&] { return ask("GET", "/api/tasks/" + id).json["status"] == "success"; }));
}

TEST_F(HubFaults, RemovingACredentialFromTheFileEndsTheSession)
{
    boot();
    const auto n1 = agent("n1");
    const auto n2 = agent("n2");
    write_file(dir_ / "agents.yaml", "agents:\n  - {id: n2, secret: secret-of-n2}\n");
    EXPECT_EQ(n1->wait("closed"), 1008);
    EXPECT_TRUE(online("n2"));
}

TEST_F(HubFaults, StopsCleanlyWithAgentsConnectedAndCallersWaiting)
{
    boot();
    const auto n1 = agent("n1", "hold");
    Process caller{{.argv = {"curl", "-sS", "-H", "Authorization: Bearer " + token_, "-d",
                             R"({"action":"test.echo"})", url_ + "/api/agents/n1/commands"}}};
    n1->wait("command");
    EXPECT_EQ(daemon_->stop(), 0) << daemon_->log();
    EXPECT_EQ(n1->wait("closed"), 1001);
    EXPECT_EQ(caller.wait(), 0);
    EXPECT_EQ(json::parse(caller.out())["status"], "dispatched")
        << "202: the task waits for the hub's return";
}

} // namespace
