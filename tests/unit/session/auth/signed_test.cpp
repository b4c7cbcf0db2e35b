// Signed frames, by whole sessions: signatures, replays, the server's clock, the {public_ip} placeholder.
#include "tests/unit/session/fixture.hpp"

#include "base/hash.hpp"
#include "base/http_date.hpp"
#include "host/session/utc.hpp"

#include <cstdlib>
#include <map>

namespace agenthost::test {
namespace {

using base::http_date;

class SignedSession : public SessionTest {
protected:
    SignedSession()
    {
        write_file(dir / "token", secret);
        serve({.answer = "", .date = http_date(host::utc_now_ms())});
    }
    host::ServerConfig signed_config(int metrics_ms = 3'600'000)
    {
        return config_of("signed", R"({"metrics_interval_ms":)" + std::to_string(metrics_ms) + "}");
    }
    // Signed by the document's rule, by hand.
    static std::string signed_frame(const std::string& type, std::int64_t ts, const std::string& nonce,
                                    const std::string& payload)
    {
        const std::string body = R"({"type":")" + type + R"(","agentId":"agent-7","ts":)" +
                                 std::to_string(ts) + R"(,"nonce":")" + nonce + R"(","payload":)" + payload;
        return body + R"(,"signature":")" + base::hex(base::hmac_sha256(secret, body + "}")) + "\"}";
    }
    std::string command(const std::string& nonce, const std::string& word = "echo.say")
    {
        return signed_frame("command", host::utc_now_ms() - 1500, nonce,
                            R"({"command":")" + word + R"(","args":{"x":1}})");
    }
    static constexpr const char* secret = "hmac-secret";
};

TEST_F(SignedSession, TakesTwoSecondsOfSilenceForAcceptance)
{
    connect(signed_config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && !peer().got.empty(); })) << problem();
    EXPECT_EQ(session->status().state, "authenticating");
    const Json auth = Json::parse(peer().got[0]);
    EXPECT_EQ(auth["type"], "auth");
    EXPECT_EQ(auth["agentId"], "agent-7");
    EXPECT_EQ(auth["payload"]["version"], "1.2.3");
    EXPECT_EQ(signed_frame("auth", auth["ts"], auth["nonce"],
                           R"({"hostname":)" + auth["payload"]["hostname"].dump() + R"(,"version":"1.2.3"})"),
              peer().got[0]);
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(ready()) << problem();
    EXPECT_GT(std::chrono::steady_clock::now() - begin, 1500ms);
    EXPECT_EQ(session->status().notice, "");
}

TEST_F(SignedSession, TakesWorkForAcceptance)
{
    server->options.on_open = [this](Peer& peer) { peer.send(command("n-1")); };
    connect(signed_config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 2; })) << problem();
    EXPECT_EQ(session->status().state, "ready");
    const Json result = Json::parse(peer().got[1]);
    EXPECT_EQ(result["type"], "command_result");
    EXPECT_EQ(result["payload"]["result"], "x: 1");
    EXPECT_EQ(result["payload"]["data"]["x"], 1);
}

TEST_F(SignedSession, DropsWhatIsNotSignedAndStays)
{
    server->options.on_open = [this](Peer& peer) {
        std::string forged = command("n-1");
        forged.replace(forged.find("\"x\":1"), 5, "\"x\":2");
        peer.send(forged);
        peer.send(R"({"type":"command","payload":{"command":"echo.say"}})");
        peer.send(command("n-2"));
    };
    connect(signed_config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 2; })) << problem();
    EXPECT_EQ(session->status().malformed, 2u);
    EXPECT_EQ(plugin.invoked, 1u);
    EXPECT_TRUE(peer().open);
}

TEST_F(SignedSession, DoesNotRunACapturedCommandAgainAlsoAfterARestart)
{
    const std::string captured = command("n-1");
    server->options.on_open = [&](Peer& peer) {
        peer.send(captured);
        peer.send(captured);
    };
    connect(signed_config());
    ASSERT_TRUE(until([&] {
        return !server->peers.empty() && peer().got.size() >= 2 && session->status().malformed >= 1;
    })) << problem();
    EXPECT_EQ(plugin.invoked, 1u);
    stop(); // what was admitted is on disk then
    connect(signed_config());
    ASSERT_TRUE(until([&] { return session->status().malformed >= 2; })) << problem();
    EXPECT_EQ(plugin.invoked, 1u);
}

TEST_F(SignedSession, NeverSignsAheadOfItsServer)
{
    for (const std::int64_t behind : {0, 400'000, -400'000}) {
        SCOPED_TRACE(behind);
        server->options.date = http_date(host::utc_now_ms() - behind);
        connect(signed_config());
        const std::size_t number = server->peers.size();
        ASSERT_TRUE(
            until([&] { return server->peers.size() > number && !server->peers.back()->got.empty(); }));
        const std::int64_t ts = Json::parse(server->peers.back()->got[0])["ts"];
        EXPECT_LE(ts, host::utc_now_ms() - behind);
        EXPECT_GE(ts, host::utc_now_ms() - behind - 60'000);
        const auto status = session->status();
        if (behind == 0) {
            EXPECT_EQ(status.notice, "");
            EXPECT_EQ(status.clock_offset_ms, 0);
        } else {
            ASSERT_TRUE(status.clock_offset_ms);
            EXPECT_NEAR(static_cast<double>(*status.clock_offset_ms), static_cast<double>(behind), 30'000.0);
            EXPECT_NE(status.notice.find(behind > 0 ? "s ahead of the server's" : "s behind the server's"),
                      std::string::npos)
                << status.notice;
        }
        stop(0ms);
    }
}

// The server knows better than its Date: told as what it is, and tried again soon.
TEST_F(SignedSession, CallsAWrongClockAWrongClock)
{
    server->options.date = http_date(host::utc_now_ms() - 500'000);
    server->options.on_message = [](Peer& peer, const std::string&) {
        peer.close_with(1008, "invalid_timestamp");
    };
    connect(signed_config());
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("refused our timestamp (invalid_timestamp): this machine's clock is "),
              std::string::npos)
        << problem();
    EXPECT_LT(session->status().next_attempt - host::utc_now_ms(), 1000);
}

TEST_F(SignedSession, CallsAWrongSecretARefusal)
{
    server->options.on_message = [](Peer& peer, const std::string&) {
        peer.close_with(1008, "invalid_signature");
    };
    connect(signed_config());
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("1008: invalid_signature"), std::string::npos) << problem();
    EXPECT_GT(session->status().next_attempt - host::utc_now_ms(), 15'000);
}

TEST_F(SignedSession, SendsMetricsAndHeartbeats)
{
    facts.publish("telemetry", "metrics", R"({"cpu_percent":25.5,"mem_percent":50})");
    auto quick = signed_config(60);
    quick.heartbeat = 100ms;
    server->options.on_open = [this](Peer& peer) { peer.send(command("n-1")); }; // accepted at once
    connect(quick);
    const auto types = [&] {
        std::map<std::string, int> count;
        for (const auto& frame : peer().got) ++count[Json::parse(frame)["type"]];
        return count;
    };
    ASSERT_TRUE(until([&] {
        return !server->peers.empty() && types()["metrics"] >= 3 && types()["heartbeat"] >= 2;
    })) << problem();
    for (const auto& frame : peer().got) {
        const Json json = Json::parse(frame);
        if (json["type"] != "metrics") continue;
        EXPECT_EQ(json["payload"]["cpuPercent"], 25.5);
    }
}

TEST_F(SignedSession, ForwardsAPluginsLogAsLog)
{
    server->options.on_open = [this](Peer& peer) { peer.send(command("n-1")); };
    connect(signed_config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 2; })) << problem();
    const std::string line = R"({"level":"warn","message":"disk is full","source":"kernel"})";
    dispatcher->emit("echo", "echo.log", "*", 0, line);
    ASSERT_TRUE(until([&] { return peer().got.size() >= 3; }));
    const Json log = Json::parse(peer().got[2]);
    EXPECT_EQ(log["type"], "log");
    EXPECT_EQ(log["payload"]["level"], "warn");
    EXPECT_EQ(log["payload"]["message"], "disk is full");
    EXPECT_EQ(log["payload"]["source"], "kernel");
}

// "{public_ip}": the EC2 metadata service, played by the same server.
class Ec2 : public SignedSession, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Version, Ec2, testing::Bool(),
                         [](const auto& info) { return info.param ? "V2" : "V1"; });

TEST_P(Ec2, TellsThePublicAddress)
{
    const bool v2 = GetParam();
    std::vector<std::string> asked;
    server->options.http = [&](const std::string& request) -> std::pair<int, std::string> {
        asked.push_back(request.substr(0, request.find(" HTTP")));
        if (request.starts_with("PUT /latest/api/token"))
            return v2 ? std::pair{200, std::string{"imds"}} : std::pair{404, std::string{}};
        if (v2 && request.find("X-aws-ec2-metadata-token: imds\r\n") == std::string::npos) return {401, ""};
        return {200, "127.0.0.1\n"};
    };
    ::setenv("AGENTHOST_METADATA_URL", ("http://127.0.0.1:" + std::to_string(server->port())).c_str(), 1);
    auto here = signed_config();
    here.url = "ws://{public_ip}:" + std::to_string(server->port()) + "/agent";
    connect(here);
    ASSERT_TRUE(until([&] { return !server->peers.empty() && server->peers.back()->open; })) << problem();
    EXPECT_EQ(asked,
              (std::vector<std::string>{"PUT /latest/api/token", "GET /latest/meta-data/public-ipv4"}));
    EXPECT_EQ(session->status().url, "ws://127.0.0.1:" + std::to_string(server->port()) + "/agent");
    stop(0ms);
    ::unsetenv("AGENTHOST_METADATA_URL");
}

TEST_F(SignedSession, SaysThatThereIsNoPublicAddress)
{
    server->options.http = [](const std::string&) { return std::pair<int, std::string>{200, "<html>"}; };
    ::setenv("AGENTHOST_METADATA_URL", ("http://127.0.0.1:" + std::to_string(server->port())).c_str(), 1);
    auto here = signed_config();
    here.url = "ws://{public_ip}/agent";
    here.reconnect.initial = 30s; // nobody reads the environment when it changes again below
    connect(here);
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("url has {public_ip}, and the EC2 metadata service"), std::string::npos)
        << problem();
    ::unsetenv("AGENTHOST_METADATA_URL");
}

} // namespace
} // namespace agenthost::test
