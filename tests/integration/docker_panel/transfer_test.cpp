// Large files by URL, told by a panel: a real nginx is the other end. Whatever goes wrong, a file has its old content or all of
// the new one.
#include "rig.hpp"

#include "tests/support/nginx.hpp"
#include "tests/support/proxy.hpp"
#include "tests/support/sanitized.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>

#include <csignal>
#include <thread>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t large = 50u << 20;

class Transfers : public DockerPanel {
protected:
    static void SetUpTestSuite()
    {
        DockerPanel::SetUpTestSuite();
        nginx_ = new Nginx;
        content_ = new std::string{random_bytes(large, 11)};
        write_file(nginx_->www() / "large", *content_, 0644);
        std::filesystem::last_write_time(nginx_->www() / "large",
                                         std::filesystem::file_time_type::clock::now() - 1h);
    }
    static void TearDownTestSuite()
    {
        delete std::exchange(content_, nullptr);
        delete std::exchange(nginx_, nullptr);
        DockerPanel::TearDownTestSuite();
    }
    // An agent with the server s1, which does not run.
    void begin(const std::string& transfers = "allow_private_networks: true, idle_timeout: 2s",
               const json& more = json::object())
    {
        start_agent(", transfers: {" + transfers + "}");
        const json created = panel_->call("create_server", "s1", egg("s1", more));
        ASSERT_TRUE(created.value("success", false)) << created;
        ASSERT_TRUE(is("s1", "offline"));
    }
    [[nodiscard]] std::filesystem::path in(const std::string& name) const
    {
        return dir_ / "servers/s1" / name;
    }
    json fetch(const std::string& url, const json& more = json::object())
    {
        json payload{{"path", "/world/large"}, {"downloadUrl", url}, {"parents", true}};
        payload.update(more);
        return panel_->call("write_file", "s1", payload);
    }
    static std::string code(const json& answer)
    {
        return answer.value("success", false) ? "" : answer["error"].value("code", answer.dump());
    }
    // Unfinished files anywhere in the server's folder, which may not be there yet and changes meanwhile.
    [[nodiscard]] std::size_t leftovers() const
    {
        std::size_t count = 0;
        std::error_code error;
        std::filesystem::recursive_directory_iterator at{dir_ / "servers/s1", error}, end;
        for (; !error && at != end; at.increment(error))
            count += at->path().filename().string().ends_with(".part");
        return count;
    }
    // Anonymous memory of the agent, in KiB.
    [[nodiscard]] std::size_t memory() const
    {
        const std::string status = read_file("/proc/" + std::to_string(agent_->pid()) + "/status");
        return std::stoull(status.substr(status.find("RssAnon:") + 8));
    }

    static Nginx* nginx_;
    static std::string* content_;
};
Nginx* Transfers::nginx_ = nullptr;
std::string* Transfers::content_ = nullptr;

TEST_F(Transfers, MoveALargeFileBothWaysWithConstantMemory)
{
    begin();
    ASSERT_EQ(code(fetch(nginx_->url("/large"), {{"path", "/warm"}})), "");
    const std::size_t before = memory();
    std::atomic<bool> done{false};
    std::size_t most = 0;
    std::thread watcher{[&] {
        while (!done) {
            most = std::max(most, memory());
            std::this_thread::sleep_for(5ms);
        }
    }};
    const json got = fetch(nginx_->url("/large"), {{"size", large}, {"sha256", sha256_hex(*content_)}});
    const json sent =
        panel_->call("get_file", "s1", {{"path", "/world/large"}, {"uploadUrl", nginx_->url("/back")}});
    done = true;
    watcher.join();
    ASSERT_EQ(code(got), "") << got;
    EXPECT_EQ(got["data"]["size"], large);
    EXPECT_EQ(got["data"]["sha256"], sha256_hex(*content_));
    EXPECT_EQ(got["data"]["path"], "world/large");
    EXPECT_TRUE(read_file(in("world/large")) == *content_);
    struct stat info {};
    ASSERT_EQ(::stat(in("world/large").c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 1000u) << "the server's user owns it";
    ASSERT_EQ(code(sent), "") << sent;
    EXPECT_EQ(sent["data"]["size"], large);
    EXPECT_TRUE(read_file(nginx_->www() / "back") == *content_);
    if (!agenthost::test::sanitized) EXPECT_LT(most, before + 4096) << "KiB; the file has " << large / 1024;
    EXPECT_EQ(leftovers(), 0u);
}

TEST_F(Transfers, KeepTheOldFileWhenTheContentIsNotWhatWasDeclared)
{
    begin();
    ASSERT_EQ(code(panel_->call("write_file", "s1", {{"path", "/old"}, {"content", "old"}})), "");
    const json sum = fetch(nginx_->url("/large"), {{"path", "/old"}, {"sha256", std::string(64, 'A')}});
    EXPECT_EQ(code(sum), "NETWORK_ERROR") << sum;
    EXPECT_THAT(sum["error"]["message"], HasSubstr(sha256_hex(*content_)));
    EXPECT_EQ(code(fetch(nginx_->url("/large"), {{"path", "/old"}, {"size", 5}})), "NETWORK_ERROR");
    EXPECT_EQ(code(fetch(nginx_->url("/nothing"), {{"path", "/old"}})), "NETWORK_ERROR");
    EXPECT_EQ(code(fetch("ftp://127.0.0.1/x", {{"path", "/old"}})), "INVALID_REQUEST");
    EXPECT_EQ(code(fetch(nginx_->url("/large"), {{"path", "/old"}, {"content", "x"}})), "INVALID_REQUEST");
    EXPECT_EQ(code(panel_->call("write_file", "s1", {{"path", "/old"}})), "INVALID_REQUEST");
    EXPECT_EQ(read_file(in("old")), "old");
    EXPECT_EQ(leftovers(), 0u);
}

TEST_F(Transfers, GoOnAfterABreakAndGiveUpWhenItAlwaysBreaks)
{
    begin();
    Proxy once{nginx_->port(), {{Fault::Kind::cut, 20'000'000}, {Fault::Kind::reset, 10'000'000}}};
    const json got = fetch(once.url("/large"), {{"sha256", sha256_hex(*content_)}});
    ASSERT_EQ(code(got), "") << got;
    EXPECT_EQ(once.connections(), 3);
    EXPECT_TRUE(read_file(in("world/large")) == *content_);
    Proxy always{nginx_->port(), {}, {Fault::Kind::cut, 100}};
    const json failed = fetch(always.url("/large"), {{"path", "/never"}});
    EXPECT_EQ(code(failed), "NETWORK_ERROR") << failed;
    EXPECT_FALSE(std::filesystem::exists(in("never")));
    EXPECT_EQ(leftovers(), 0u);
}

TEST_F(Transfers, StopAtTheDiskLimit)
{
    begin("allow_private_networks: true", {{"limits", {{"memory", "128m"}, {"cpu", "1"}, {"disk", "20m"}}}});
    const json known = fetch(nginx_->url("/large"));
    EXPECT_EQ(code(known), "DISK_FULL") << known;
    HttpServer chunked{[](const HttpRequest&) { return http_chunked(*content_, 1 << 20); }};
    const json unknown = fetch(chunked.url());
    EXPECT_EQ(code(unknown), "DISK_FULL") << unknown;
    EXPECT_FALSE(std::filesystem::exists(in("world/large")));
    EXPECT_EQ(leftovers(), 0u);
    EXPECT_EQ(code(panel_->call("write_file", "s1", {{"path", "/a"}, {"content", "fits"}})), "")
        << "what was claimed is given back";
}

TEST_F(Transfers, EndWhenTheCallIsCancelledRunningOrWaiting)
{
    begin("allow_private_networks: true, max: 1, idle_timeout: 60s");
    Proxy stalls{nginx_->port(), {}, {Fault::Kind::stall, 1'000'000}};
    const auto call = [&](const char* path) {
        const json params{{"serverId", "s1"}, {"path", path}, {"downloadUrl", stalls.url("/large")}};
        return std::make_unique<Process>(
            Process::Options{.argv = {(binary_dir() / "bin/agenthost").string(), "--control-socket",
                                      agent_->control(), "call", "docker.write_file", params.dump()}});
    };
    const auto running = call("/one");
    ASSERT_TRUE(wait_for([&] { return leftovers() == 1; }));
    const auto waiting = call("/two");
    std::this_thread::sleep_for(300ms);
    ::kill(waiting->pid(), SIGINT);
    ASSERT_TRUE(wait_for([&] { return !waiting->running(); })) << "it has no turn, but it ends";
    EXPECT_EQ(leftovers(), 1u) << "the other one goes on";
    ::kill(running->pid(), SIGINT);
    ASSERT_TRUE(wait_for([&] { return leftovers() == 0; }));
    EXPECT_FALSE(std::filesystem::exists(in("one")));
    EXPECT_EQ(stalls.connections(), 1);
    EXPECT_EQ(code(fetch(nginx_->url("/large"))), "") << "the place is free again";
}

TEST_F(Transfers, LeaveNothingBehindWhenTheAgentIsKilled)
{
    begin("allow_private_networks: true, idle_timeout: 60s");
    Proxy stalls{nginx_->port(), {}, {Fault::Kind::stall, 1'000'000}};
    panel_->send("write_file", "s1", {{"path", "/one"}, {"downloadUrl", stalls.url("/large")}});
    ASSERT_TRUE(wait_for([&] { return leftovers() == 1; }));
    kill_agent();
    EXPECT_EQ(leftovers(), 1u);
    start_agent(", transfers: {allow_private_networks: true}");
    EXPECT_TRUE(wait_for([&] {
        status("s1");
        return leftovers() == 0;
    }));
}

TEST_F(Transfers, ReachOnlyHostsThatTheNodeAllows)
{
    begin("idle_timeout: 2s");
    const json local = fetch(nginx_->url("/large"));
    EXPECT_EQ(code(local), "DENIED") << local;
    EXPECT_EQ(code(fetch("http://169.254.169.254/latest/meta-data")), "DENIED");
    ASSERT_EQ(code(panel_->call("write_file", "s1", {{"path", "/a"}, {"content", "x"}})), "");
    const json sent = panel_->call("get_file", "s1", {{"path", "/a"}, {"uploadUrl", nginx_->url("/a")}});
    EXPECT_EQ(code(sent), "DENIED") << sent;
    EXPECT_FALSE(std::filesystem::exists(nginx_->www() / "a"));
    std::string own = panel_->url(); // ws://...
    own = "http" + own.substr(2, own.find('/', 5) - 2) + "/file";
    const json panels = fetch(own);
    EXPECT_EQ(code(panels), "NETWORK_ERROR") << "the panel itself is reached, and has no such file";
    EXPECT_THAT(panels["error"]["message"], HasSubstr("answered 404"));
    start_agent(", transfers: {allow_private_networks: true, allow_hosts: [files.example.com]}");
    EXPECT_EQ(code(fetch(nginx_->url("/large"))), "DENIED");
}

TEST_F(Transfers, TrustTheCertificatesThatTheConfigurationNames)
{
    begin();
    const json unknown = fetch(nginx_->tls_url("/large"));
    EXPECT_EQ(code(unknown), "NETWORK_ERROR") << unknown;
    start_agent(", transfers: {allow_private_networks: true, tls_ca: '" + nginx_->ca_file() + "'}");
    const json got = fetch(nginx_->tls_url("/large"), {{"sha256", sha256_hex(*content_)}});
    EXPECT_EQ(code(got), "") << got;
    const json sent =
        panel_->call("get_file", "s1", {{"path", "/world/large"}, {"uploadUrl", nginx_->tls_url("/tls")}});
    EXPECT_EQ(code(sent), "") << sent;
    EXPECT_TRUE(read_file(nginx_->www() / "tls") == *content_);
}

} // namespace
