// TLS of the session: verified by default, and every way not to be the right server is refused before a
// credential is sent.
#include "fixture.hpp"

#include "host/config/config.hpp"

namespace agenthost::test {
namespace {

class TlsSession : public SessionTest {
protected:
    TlsSession()
    {
        const auto made =
            netclient::make_server_context({.certificate = (certificates() / "server.pem").string(),
                                            .key = (certificates() / "server.key").string()});
        EXPECT_TRUE(made.context) << made.problem;
        serve({.tls = made.context, .on_ready = [](Peer& peer) {
                   peer.send(command("echo.say", "r1", {{"x", 1}}));
               }});
    }
    host::ServerConfig tls_config(const std::string& host = "localhost")
    {
        auto made = config("wss://" + host + ":" + std::to_string(server->port()) + "/agent");
        made.tls.ca = (certificates() / "ca.pem").string();
        return made;
    }
    // The attempt failed, told why, and the server never saw a hello.
    void expect_refused(const std::string& words)
    {
        ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
        EXPECT_NE(problem().find(words), std::string::npos) << problem();
        for (const auto& peer : server->peers) EXPECT_TRUE(peer->got.empty());
    }
};

TEST_F(TlsSession, ServesCommands)
{
    connect(tls_config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() == 2; })) << problem();
    EXPECT_EQ(Json::parse(peer().got[1])["data"]["x"], 1);
}

TEST_F(TlsSession, AcceptsAnAddressThatTheCertificateNames)
{
    connect(tls_config("127.0.0.1"));
    ASSERT_TRUE(ready()) << problem();
}

TEST_F(TlsSession, RefusesAnUnknownAuthority)
{
    auto other = tls_config();
    other.tls.ca = (certificates() / "other-ca.pem").string();
    connect(other);
    expect_refused("TLS with localhost");
}

TEST_F(TlsSession, RefusesAnAuthorityTheSystemDoesNotKnow)
{
    auto system = tls_config();
    system.tls.ca.clear();
    connect(system);
    expect_refused("TLS with localhost");
}

TEST_F(TlsSession, RefusesAnotherName)
{
    auto other = tls_config();
    other.tls.server_name = "files.example.com";
    connect(other);
    expect_refused("files.example.com");
}

TEST_F(TlsSession, RefusesAnotherKeyThanThePinned)
{
    auto pinned = tls_config();
    pinned.tls.pin_sha256 = {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    connect(pinned);
    expect_refused("pin");
}

TEST_F(TlsSession, AcceptsThePinnedKey)
{
    auto pinned = tls_config();
    pinned.tls.pin_sha256 = {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                             read_file(certificates() / "pin")};
    connect(pinned);
    ASSERT_TRUE(ready()) << problem();
}

TEST_F(TlsSession, AcceptsAnybodyOnlyWhenToldSo)
{
    auto blind = tls_config();
    blind.tls.ca.clear();
    blind.tls.verify = false;
    connect(blind);
    ASSERT_TRUE(ready()) << problem();
}

TEST_F(TlsSession, NamesTheFileItCannotRead)
{
    auto bad = tls_config();
    bad.tls.ca = (dir / "no-such.pem").string();
    connect(bad);
    expect_refused("no-such.pem");
}

class TlsCutAt : public TlsSession, public testing::WithParamInterface<Cut> {};
INSTANTIATE_TEST_SUITE_P(Step, TlsCutAt,
                         testing::Values(Cut::accepted, Cut::secured, Cut::upgraded, Cut::hello, Cut::welcome,
                                         Cut::command, Cut::result));

TEST_P(TlsCutAt, ComesBackAndServes)
{
    server->options.cuts = {GetParam()};
    connect(tls_config());
    ASSERT_TRUE(until([&] { return server->peers.size() >= 2 && peer(1).got.size() == 2; })) << problem();
    EXPECT_EQ(session->status().reconnects, 1u);
}

} // namespace
} // namespace agenthost::test
