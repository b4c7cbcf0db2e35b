// Transfers use the network settings of the server that asked: a real proxy (node), a real nginx.
#include "../../support/connect_proxy.hpp"
#include "../../support/nginx.hpp"
#include "box.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::test;

class Network : public ::testing::Test {
protected:
    static void SetUpTestSuite() { nginx_ = std::make_unique<Nginx>(); }
    static void TearDownTestSuite() { nginx_.reset(); }
    static Nginx& nginx() { return *nginx_; }
    static std::string tls_host() { return "localhost:" + std::to_string(nginx().tls_port()); }
    static void serve(const std::string& name, const std::string& content)
    {
        write_file(nginx().www() / name, content, 0644);
    }
    static void settings(Box& box, Json json) { box.host().network_settings = json.dump(); }
    static std::unique_ptr<Nginx> nginx_;
};
std::unique_ptr<Nginx> Network::nginx_;

TEST_F(Network, UsesTheProxyOfTheRequestingServer)
{
    const ConnectProxy proxy{"me:p@ss"};
    Box box;
    settings(box,
             {{"server", "files"}, {"proxy", proxy.url("me:p%40ss")}, {"tls", {{"ca", nginx().ca_file()}}}});
    const std::string content = random_bytes(2'000'001, 3);
    serve("through", content);
    // Only the proxy resolves this name; the certificate is for localhost.
    const auto stored =
        box.upload("f", nginx().tls_url("/through", "localhost"), {{"sha256", sha256_hex(content)}});
    ASSERT_TRUE(stored.ok()) << stored.json;
    EXPECT_TRUE(proxy.saw("open " + tls_host()));
    ASSERT_TRUE(box.download("f", nginx().tls_url("/back", "localhost")).ok());
    EXPECT_EQ(sha256_hex(read_file(nginx().www() / "back")), sha256_hex(content));
    serve("plain", "plain content");
    ASSERT_TRUE(box.upload("g", "http://far.example:" + std::to_string(nginx().port()) + "/plain").ok());
    EXPECT_TRUE(proxy.saw("open far.example:" + std::to_string(nginx().port())));
}

TEST_F(Network, TransfersNothingIfTheSettingsCannotBeRead)
{
    Box box;
    serve("direct", "direct content");
    const std::string url = "http://localhost:" + std::to_string(nginx().port());
    ASSERT_TRUE(box.upload("f", url + "/direct").ok());
    for (const agh_status status : {AGH_E_INTERNAL, AGH_E_CLOSED, AGH_E_NOT_FOUND}) {
        box.host().network_status = status;
        for (const auto& reply : {box.upload("g", url + "/direct"), box.download("f", url + "/leaked")}) {
            EXPECT_EQ(code_of(reply), "NETWORK_ERROR") << reply.json;
            EXPECT_NE(reply.json.find("could not read its proxy and TLS settings"), std::string::npos);
            EXPECT_EQ(reply.flags & AGH_REPLY_NOT_STARTED, AGH_REPLY_NOT_STARTED);
        }
    }
    EXPECT_FALSE(std::filesystem::exists(nginx().www() / "leaked"));
}

TEST_F(Network, ReportsAProxyRefusalWithoutThePassword)
{
    const ConnectProxy proxy{"me:right"};
    Box box;
    settings(box, {{"proxy", proxy.url("me:wrong-secret")}});
    const auto reply = box.upload("f", "https://far.example/x");
    EXPECT_EQ(code_of(reply), "NETWORK_ERROR");
    EXPECT_NE(reply.json.find("407"), std::string::npos) << reply.json;
    EXPECT_TRUE(proxy.saw("refused far.example:443"));
    EXPECT_EQ(reply.json.find("wrong-secret"), std::string::npos);
    for (const auto& line : box.host().logs()) {
        EXPECT_EQ(line.message.find("wrong-secret"), std::string::npos) << line.message;
        EXPECT_EQ(line.fields.find("wrong-secret"), std::string::npos) << line.fields;
    }
}

TEST_F(Network, ConnectsDirectlyToNoProxyHosts)
{
    const ConnectProxy proxy;
    Box box;
    serve("direct", "direct content");
    settings(box, {{"proxy", proxy.url()}, {"no_proxy", {"127.0.0.0/8"}}});
    ASSERT_TRUE(box.upload("f", nginx().url("/direct")).ok());
    EXPECT_TRUE(proxy.idle());
}

TEST_F(Network, AllowsTheServersOriginAndNothingElseOnItsHost)
{
    Box box{{{"allow_hosts", {"files.example.com"}}, {"allow_private_networks", false}}};
    serve("own", "own content");
    const std::string origin = nginx().tls_url("/", "localhost");
    settings(box, {{"server", "files"}, {"origin", origin}, {"tls", {{"ca", nginx().ca_file()}}}});
    const auto stored = box.upload("f", nginx().tls_url("/own", "localhost"));
    ASSERT_TRUE(stored.ok()) << stored.json;
    // The same machine, but another port, scheme or name.
    for (const auto& other :
         {nginx().url("/own"), "http://localhost:" + std::to_string(nginx().port()) + "/own",
          nginx().tls_url("/own")})
        EXPECT_EQ(code_of(box.upload("g", other)), "DENIED") << other;
    settings(box, Json::object());
    EXPECT_EQ(code_of(box.upload("g", nginx().tls_url("/own", "localhost"))), "DENIED");
}

TEST_F(Network, ForbidsTheSameAddressesThroughAProxy)
{
    const ConnectProxy proxy;
    Box box{{{"allow_private_networks", false}}};
    settings(box, {{"proxy", proxy.url()}});
    for (const char* url : {"http://169.254.169.254/latest", "http://127.0.0.1/x", "http://localhost/x",
                            "http://127.1/x", "https://[::1]/x", "http://10.0.0.1/x"})
        EXPECT_EQ(code_of(box.upload("f", url)), "DENIED") << url;
    EXPECT_TRUE(proxy.idle());
}

TEST_F(Network, EnforcesThePinOfTheOrigin)
{
    Box box;
    serve("pinned", "content");
    Json tls{{"ca", nginx().ca_file()}, {"pin_sha256", {std::string(43, 'A') + "="}}};
    settings(box, {{"origin", nginx().tls_url("/", "localhost")}, {"tls", tls}});
    const auto reply = box.upload("f", nginx().tls_url("/pinned", "localhost"));
    EXPECT_EQ(code_of(reply), "NETWORK_ERROR");
    EXPECT_NE(reply.json.find("pin_sha256"), std::string::npos) << reply.json;
    // The pin belongs to the server alone.
    EXPECT_TRUE(box.upload("f", nginx().tls_url("/pinned", "127.0.0.1")).ok());
}

TEST_F(Network, UsesARenewedCaWithoutARestart)
{
    const TempDir dir;
    const auto ca = dir / "ca.pem";
    make_test_certificates(dir.path()); // another authority of the same name
    Box box{{{"tls_ca", ca.string()}}};
    serve("renewed", "content");
    EXPECT_EQ(code_of(box.upload("f", nginx().tls_url("/renewed"))), "NETWORK_ERROR");
    std::filesystem::copy_file(nginx().ca_file(), dir / "new.pem");
    std::filesystem::rename(dir / "new.pem", ca);
    EXPECT_TRUE(wait_for([&] { return box.upload("f", nginx().tls_url("/renewed")).ok(); }));
}

} // namespace
