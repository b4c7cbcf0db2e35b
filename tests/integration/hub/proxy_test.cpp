// Files through the hub behind a real nginx whose timeout for a silent upstream (proxy_read_timeout) is much
// shorter than the work takes.
#include "fixture.hpp"

using namespace agenthost::test;
using nlohmann::json;

namespace {

class HubBehindNginx : public HubDaemon {
protected:
    void TearDown() override
    {
        if (!nginx_) return;
        nginx_->signal(SIGTERM); // a worker whose master was killed goes on for ever
        nginx_->wait();
    }
    void proxy()
    {
        const std::string dir = (dir_ / "nginx").string();
        std::filesystem::create_directories(dir);
        for (int attempt = 0; attempt < 10 && !(nginx_ && nginx_->running());
             ++attempt) { // free_port() is racy
            const std::string port = std::to_string(free_port());
            write_file(dir + "/nginx.conf",
                       std::string{::geteuid() == 0 ? "user root;\n" : ""} +
                           "daemon off;\nworker_processes 1;\npid " + dir + "/pid;\nerror_log " + dir +
                           "/error.log warn;\nevents { worker_connections 64; }\nhttp {\n  access_log off;\n"
                           "  client_max_body_size 0;\n  client_body_temp_path " +
                           dir + "/t1;\n  proxy_temp_path " + dir + "/t2;\n  fastcgi_temp_path " + dir +
                           "/t3;\n  uwsgi_temp_path " + dir + "/t4;\n  scgi_temp_path " + dir +
                           "/t5;\n  server {\n    listen 127.0.0.1:" + port +
                           ";\n    location / {\n      proxy_pass " + url_ +
                           ";\n      proxy_http_version 1.1;\n      proxy_read_timeout 2s;\n    }\n  }\n}\n");
            nginx_ = std::make_unique<Process>(Process::Options{
                .argv = {"/usr/sbin/nginx", "-p", dir, "-e", dir + "/error.log", "-c", dir + "/nginx.conf"}});
            through_ = "http://127.0.0.1:" + port;
            wait_for([&] {
                return !nginx_->running() || run({"curl", "-s", "-o", "/dev/null", through_}).code == 0;
            });
        }
        ASSERT_TRUE(nginx_->running()) << read_file(dir + "/error.log");
    }
    std::string file(const std::string& id) const { return through_ + "/api/agents/n1/files/" + id; }

    std::string through_;
    std::unique_ptr<Process> nginx_;
};

TEST_F(HubBehindNginx, StreamsAFileWhileTheAgentStillSendsIt)
{
    boot("stream_after: 500ms");
    const auto n1 = agent("n1", "slow");
    proxy();
    write_file(dir_ / "up", random_bytes(2 << 20, 7));
    ASSERT_EQ(put("n1", "f1", dir_ / "up").status, 200);
    const auto got = curl({"-o", (dir_ / "down").string(), file("f1")});
    EXPECT_EQ(got.status, 200) << "nginx gives up after 2 s without a byte; the agent takes 6 s";
    EXPECT_EQ(read_file(dir_ / "down"), read_file(dir_ / "up"));
    EXPECT_EQ(got.headers.at("content-length"), std::to_string(2 << 20));
    EXPECT_EQ(got.headers.at("x-content-sha256"), sha256_hex(read_file(dir_ / "up")));
}

TEST_F(HubBehindNginx, APutBecomesATaskBeforeTheProxyTimesOutAndARepeatStoresNothing)
{
    boot("");
    const auto n1 = agent("n1", "slow");
    proxy();
    write_file(dir_ / "up", random_bytes(1 << 20, 8));
    const std::vector<std::string> request{"-T", (dir_ / "up").string(), file("f1") + "?timeout=1"};
    const auto first = curl(request);
    ASSERT_EQ(first.status, 202) << first.body;
    EXPECT_EQ(first.headers.at("location"), "/api/tasks/" + first.json["id"].get<std::string>());
    const auto again = curl(request);
    EXPECT_EQ(again.status, 202) << again.body;
    EXPECT_EQ(again.json["id"], first.json["id"]) << "it joins the one that runs";
    const std::string task = through_ + first.headers.at("location");
    ASSERT_TRUE(wait_for([&] { return curl({task}).json.value("status", "") == "success"; }))
        << curl({task}).body;
    const auto late = curl(request);
    EXPECT_EQ(late.status, 200) << "it has been stored";
    EXPECT_EQ(late.json["sha256"], sha256_hex(read_file(dir_ / "up")));
    EXPECT_EQ(n1->said("command").size(), 1U) << "the agent was told once";
}

// What a trusted proxy says of its client counts as if the client had connected itself: throttle, list of
// failing agents, log.
class HubBehindAProxy : public HubDaemon {
protected:
    int status(const std::string& client, const std::string& token)
    {
        return curl({"-H", "X-Forwarded-For: " + client, "-H", "Authorization: Bearer " + token,
                     url_ + "/api/agents"},
                    false)
            .status;
    }
};

TEST_F(HubBehindAProxy, ThrottlesAndLogsTheClientInsteadOfTheProxy)
{
    listener_more_ = ", trusted_proxies: ['127.0.0.1']";
    boot();
    for (int guess = 0; guess < 10; ++guess) EXPECT_EQ(status("2001:db8:1::9", "wrong"), 401) << guess;
    EXPECT_EQ(status("2001:db8:1::9", "wrong"), 429);
    EXPECT_EQ(status("2001:db8:1::a", "wrong"), 429) << "a /64 is one address";
    EXPECT_EQ(status("203.0.113.10", "wrong"), 401) << "another client of the same proxy";
    EXPECT_EQ(status("2001:db8:1::9", token_), 200) << "a valid token is never slowed down";
    NodeAgent agent{"first_frame.mjs", {socket_url(), "{}", "X-Forwarded-For=203.0.113.77"}};
    EXPECT_EQ(agent.wait("closed"), 1008);
    const json list = ask("GET", "/api/agents").json["failing"];
    ASSERT_EQ(list.size(), 1U) << list;
    EXPECT_EQ(list[0]["address"], "203.0.113.77") << list;
    EXPECT_NE(daemon_->log().find("203.0.113.77"), std::string::npos);
}

TEST_F(HubBehindAProxy, TrustsNoProxyByDefault)
{
    boot();
    for (int guess = 0; guess < 10; ++guess)
        EXPECT_EQ(status("203.0.113." + std::to_string(guess), "wrong"), 401);
    EXPECT_EQ(status("203.0.113.99", "wrong"), 429) << "another header is the same client";
}

} // namespace
