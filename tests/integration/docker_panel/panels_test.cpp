// Several panels of one agent: a transfer uses the network settings of the panel that asked for it, and no
// panel keeps another's transfers waiting.
#include "rig.hpp"

#include "tests/support/connect_proxy.hpp"
#include "tests/support/nginx.hpp"
#include "tests/support/proxy.hpp"
#include "tests/support/secrets.hpp"

#include <gmock/gmock.h>

#include <chrono>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

class Panels : public DockerPanel {
protected:
    static void SetUpTestSuite()
    {
        DockerPanel::SetUpTestSuite();
        nginx_ = new Nginx;
        content_ = new std::string{random_bytes(3'000'001, 5)};
        write_file(nginx_->www() / "file", *content_, 0644);
    }
    static void TearDownTestSuite()
    {
        delete std::exchange(content_, nullptr);
        delete std::exchange(nginx_, nullptr);
        DockerPanel::TearDownTestSuite();
    }
    void SetUp() override
    {
        DockerPanel::SetUp();
        if (!IsSkipped()) other_ = std::make_unique<Panel>(dir_ / "other");
    }
    // An agent of the panels in servers_, with the server s1, which does not run.
    void begin(const std::string& transfers)
    {
        start_agent(", transfers: {" + transfers + "}");
        const json created = panel_->call("create_server", "s1", egg("s1"));
        ASSERT_TRUE(created.value("success", false)) << created;
        ASSERT_TRUE(is("s1", "offline"));
    }
    static json fetch(Panel& panel, const std::string& url, const std::string& path = "/got")
    {
        return panel.call("write_file", "s1", {{"path", path}, {"downloadUrl", url}});
    }
    static json send(Panel& panel, const std::string& url)
    {
        return panel.call("get_file", "s1", {{"path", "/got"}, {"uploadUrl", url}});
    }
    static std::string code(const json& answer)
    {
        return answer.value("success", false) ? "" : answer["error"].value("code", answer.dump());
    }
    static std::string text(const json& answer)
    {
        return answer.contains("error") ? answer["error"].value("message", "") : "";
    }
    // Only the proxy resolves this name.
    static std::string far(const std::string& path)
    {
        return "http://far.example:" + std::to_string(nginx_->port()) + path;
    }
    static std::string far_line() { return "open far.example:" + std::to_string(nginx_->port()); }
    [[nodiscard]] std::string got() const { return read_file(dir_ / "servers/s1/got"); }

    static Nginx* nginx_;
    static std::string* content_;
    std::unique_ptr<Panel> other_;
};
Nginx* Panels::nginx_ = nullptr;
std::string* Panels::content_ = nullptr;

// ---- network settings ----

TEST_F(Panels, TransfersUseTheProxyOfThePanelThatAsked)
{
    keep_secret("p@ss-of-the-proxy");
    keep_secret("p%40ss-of-the-proxy");
    const ConnectProxy proxy{"me:p@ss-of-the-proxy"};
    servers_ =
        server_yaml("it", *panel_, ", insecure: true, proxy: '" + proxy.url("me:p%40ss-of-the-proxy") + "'") +
        ", " + server_yaml("direct", *other_);
    begin("allow_private_networks: true");
    const json fetched = fetch(*panel_, far("/file"));
    ASSERT_EQ(code(fetched), "") << fetched;
    EXPECT_TRUE(got() == *content_);
    EXPECT_EQ(proxy.count(far_line()), 1);
    const json sent = send(*panel_, far("/back"));
    ASSERT_EQ(code(sent), "") << sent;
    EXPECT_TRUE(read_file(nginx_->www() / "back") == *content_);
    EXPECT_EQ(proxy.count(far_line()), 2);

    const json refused = fetch(*other_, far("/file"), "/other");
    EXPECT_EQ(code(refused), "NETWORK_ERROR") << refused;
    EXPECT_THAT(text(refused), HasSubstr("far.example"));
    EXPECT_EQ(code(send(*other_, far("/other"))), "NETWORK_ERROR");
    EXPECT_EQ(proxy.count(far_line()), 2) << "the proxy is the other panel's";
    EXPECT_EQ(code(fetch(*other_, nginx_->url("/file"), "/other")), "");
}

TEST_F(Panels, HostsOfNoProxyAreReachedDirectly)
{
    const ConnectProxy proxy;
    env_["NO_PROXY"] = "localhost,127.0.0.0/8";
    servers_ = server_yaml("it", *panel_, ", insecure: true, proxy: '" + proxy.url() + "'");
    begin("allow_private_networks: true");
    ASSERT_EQ(code(fetch(*panel_, nginx_->url("/file"))), "");
    EXPECT_EQ(proxy.count("open 127.0.0.1:" + std::to_string(nginx_->port())), 0);
    EXPECT_EQ(code(fetch(*panel_, far("/file"))), "");
    EXPECT_TRUE(proxy.saw(far_line()));
}

// The panel's files are at the origin of its session: an https server that demands a client certificate.
TEST_F(Panels, ClientCertificatesAndAuthoritiesBelongToTheirPanel)
{
    TestCa ca, clients;
    const auto [certificate, key] = ca.issue("panel", "DNS:localhost");
    const auto [client, client_key] = clients.issue("node-01", "DNS:node-01");
    const auto guarded =
        std::make_unique<Panel>(dir_ / "guarded", Panel::Tls{certificate, key, clients.ca()});
    const auto open = std::make_unique<Panel>(dir_ / "open", Panel::Tls{certificate, key, {}});
    const std::string authority = "ca: '" + ca.ca() + "'";
    servers_ =
        server_yaml("it", *panel_) + ", " +
        server_yaml("guarded", *guarded,
                    ", tls: {" + authority + ", certificate: '" + client + "', key: '" + client_key + "'}") +
        ", " + server_yaml("open", *open, ", tls: {" + authority + "}");
    write_file(guarded->www() / "file", *content_);
    const std::string url = guarded->file_url("file");
    begin("idle_timeout: 2s"); // no private network is allowed
    const json fetched = fetch(*guarded, url);
    ASSERT_EQ(code(fetched), "") << fetched;
    EXPECT_TRUE(got() == *content_);
    const json sent = send(*guarded, guarded->file_url("back"));
    ASSERT_EQ(code(sent), "") << sent;
    EXPECT_TRUE(read_file(guarded->www() / "back") == *content_);
    const std::string own = "GET /files/file node-01\nPUT /files/back node-01\n";
    EXPECT_EQ(guarded->served(), own);

    for (Panel* stranger : {panel_.get(), open.get()}) {
        const json refused = fetch(*stranger, url);
        EXPECT_EQ(code(refused), "DENIED") << "it is not the origin of its session: " << refused;
        EXPECT_EQ(code(send(*stranger, guarded->file_url("back"))), "DENIED");
    }
    start_agent(", transfers: {allow_private_networks: true, idle_timeout: 2s}");
    const json unknown = fetch(*panel_, url);
    EXPECT_EQ(code(unknown), "NETWORK_ERROR") << unknown;
    EXPECT_THAT(text(unknown), HasSubstr("certificate")) << "its authority is the other panels'";
    const json nameless = fetch(*open, url);
    EXPECT_EQ(code(nameless), "NETWORK_ERROR")
        << "it knows the authority, and has no certificate: " << nameless;
    EXPECT_EQ(code(send(*open, guarded->file_url("back"))), "NETWORK_ERROR");
    EXPECT_EQ(guarded->served(), own) << "none of them was served";
    // The client certificate is for the panel's own origin alone.
    write_file(open->www() / "file", *content_);
    EXPECT_EQ(code(fetch(*guarded, open->file_url("file"))), "");
    EXPECT_EQ(open->served(), "GET /files/file -\n");
}

// ---- fair shares ----

TEST_F(Panels, APanelWithManyLargeTransfersDoesNotDelayAnother)
{
    servers_ = server_yaml("greedy", *panel_) + ", " + server_yaml("modest", *other_);
    begin("allow_private_networks: true, max: 2, queue: 8, idle_timeout: 60s");
    Proxy stalls{nginx_->port(), {}, {Fault::Kind::stall, 1'000'000}};
    std::vector<std::string> sent;
    for (int i = 0; i < 14; ++i)
        sent.push_back(panel_->send(
            "write_file", "s1", {{"path", "/g" + std::to_string(i)}, {"downloadUrl", stalls.url("/file")}}));
    for (int i = 10; i < 14; ++i) {
        const json refused = panel_->response(sent[static_cast<std::size_t>(i)]);
        EXPECT_EQ(code(refused), "BUSY") << refused;
        EXPECT_EQ(text(refused),
                  "the queue of transfers is full: 8 wait, 8 of them of greedy, which has used "
                  "its share. Try again when some have ended, or raise transfers.queue or "
                  "transfers.max.");
    }
    ASSERT_TRUE(wait_for([&] { return stalls.connections() == 2; }));
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(code(fetch(*other_, nginx_->url("/file"))), "");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 10s) << "the other panel's stall for a minute";
    EXPECT_EQ(stalls.connections(), 2);
    EXPECT_TRUE(got() == *content_);
}

} // namespace
