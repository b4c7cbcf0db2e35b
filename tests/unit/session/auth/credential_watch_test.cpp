#include "host/session/auth/credential_watch.hpp"

#include "host/session/utc.hpp"
#include "tests/support/proxy.hpp"
#include "tests/unit/session/fixture.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>

#include <atomic>
#include <optional>

namespace agenthost::host {
namespace {

using namespace std::chrono_literals;
using test::http_answer;
using test::TempDir;
using test::write_file;
using ::testing::HasSubstr;

class CredentialWatchTest : public testing::Test {
protected:
    ~CredentialWatchTest() override { EXPECT_TRUE(OffThread::wait_for_all(test::max_wait)); }
    void run()
    {
        EXPECT_TRUE(OffThread::wait_for_all(test::max_wait));
        io.restart();
        io.poll();
    }
    bool file_changed()
    {
        bool changed = false;
        watch.check_files([&] { changed = true; }, [this] { ++noticed; });
        run();
        return changed;
    }
    int noticed = 0;
    TempDir dir;
    boost::asio::io_context io;
    SecretSource source{SecretSource::Kind::file, (dir / "token").string()};
    CredentialWatch watch{io.get_executor(), source, 0ms};
};

TEST_F(CredentialWatchTest, PrefersASentCredentialUntilTheConfiguredOneChanges)
{
    EXPECT_EQ(watch.begin("one", 0), "one");
    watch.sent("token");
    EXPECT_EQ(watch.begin("one", 0), "token");
    EXPECT_EQ(watch.begin("two", 0), "two");
    EXPECT_EQ(watch.begin("two", 0), "two");
}

TEST_F(CredentialWatchTest, ReturnsToTheConfiguredCredentialWhenASentOneIsRefused)
{
    (void)watch.begin("one", 0);
    EXPECT_FALSE(watch.refused()) << "there is no other";
    watch.sent("token");
    (void)watch.begin("one", 0);
    EXPECT_TRUE(watch.refused());
    EXPECT_EQ(watch.begin("one", 0), "one");
    EXPECT_FALSE(watch.refused());
}

TEST_F(CredentialWatchTest, NoticesAnotherSecretInItsFile)
{
    write_file(dir / "token", "one\n");
    (void)watch.begin("one", 0);
    EXPECT_FALSE(file_changed());
    std::filesystem::remove(dir / "token");
    EXPECT_FALSE(file_changed()) << "a file that cannot be read is no new secret";
    write_file(dir / "token", "two\n");
    EXPECT_TRUE(file_changed());
    (void)watch.begin("two", 0);
    EXPECT_FALSE(file_changed());
}

TEST_F(CredentialWatchTest, NoticesThatItsFileCannotBeUsedAnyMore)
{
    write_file(dir / "token", "one\n");
    (void)watch.begin("one", 0);
    EXPECT_FALSE(file_changed());
    EXPECT_EQ(watch.notice(), "");
    EXPECT_EQ(noticed, 0);
    std::filesystem::remove(dir / "token");
    EXPECT_FALSE(file_changed());
    EXPECT_THAT(watch.notice(), HasSubstr("the next connection will fail: "));
    EXPECT_THAT(watch.notice(), HasSubstr((dir / "token").string()));
    EXPECT_FALSE(file_changed());
    EXPECT_EQ(noticed, 1);
    write_file(dir / "token", "one\n");
    EXPECT_FALSE(file_changed());
    EXPECT_EQ(watch.notice(), "");
    EXPECT_EQ(noticed, 2);
}

TEST_F(CredentialWatchTest, NoticesThatTheCaOfItsServerCannotBeUsedAnyMore)
{
    const auto ca = test::certificates() / "ca.pem";
    std::filesystem::copy_file(ca, dir / "ca.pem");
    netclient::TlsClientConfig tls;
    tls.ca = (dir / "ca.pem").string();
    CredentialWatch secure{io.get_executor(), {}, 0ms, tls};
    (void)secure.begin("one", 0);
    const auto notice = [&] {
        secure.check_files([] { FAIL() << "it has no credential file"; }, [] {});
        run();
        return secure.notice();
    };
    EXPECT_EQ(notice(), "");
    write_file(dir / "ca.pem", "garbage");
    EXPECT_THAT(notice(), HasSubstr(tls.ca));
    std::filesystem::remove(dir / "ca.pem");
    EXPECT_THAT(notice(), HasSubstr(tls.ca));
    std::filesystem::copy_file(ca, dir / "ca.pem");
    EXPECT_EQ(notice(), "");
}

TEST_F(CredentialWatchTest, ComparesTheFileWithTheConfiguredCredentialAndNotWithASentOne)
{
    write_file(dir / "token", "one\n");
    (void)watch.begin("one", 0);
    watch.sent("token");
    EXPECT_EQ(watch.begin("one", 0), "token");
    EXPECT_FALSE(file_changed());
}

TEST_F(CredentialWatchTest, DoesNotCallBackAfterForget)
{
    write_file(dir / "token", "two\n");
    (void)watch.begin("one", 0);
    bool changed = false;
    watch.check_files([&] { changed = true; }, [] {});
    watch.forget();
    run();
    EXPECT_FALSE(changed);
}

class TokenRefreshTest : public CredentialWatchTest {
protected:
    // A registration whose token was received two hours ago.
    TokenRefreshTest()
    {
        request.config.name = "games";
        request.config.protocol = "panel";
        request.config.url = "ws://127.0.0.1:1/agent";
        request.config.protocol_json =
            test::Json{{"register_url", panel.url("/api/agents/register")}, {"refresh_ms", 3'600'000}}.dump();
        request.state_dir = dir.path().string();
        std::filesystem::create_directories(dir / "servers/games");
        write_file(dir / "servers/games/registration.json",
                   test::Json{{"register_url", panel.url("/api/agents/register")},
                              {"agent_id", "agent_uuid"},
                              {"token", "old"},
                              {"refresh_token", "refresh-secret"},
                              {"refreshed_at", two_hours_ago}}
                       .dump());
    }
    std::string answer() const
    {
        if (refuses) return http_answer("503 Service Unavailable", "");
        return http_answer("200 OK", R"({"agent":{"id":"agent_uuid","token":"new"}})");
    }
    void refresh()
    {
        tokens.refresh_if_due(
            [this] {
                ++requested;
                return request;
            },
            [this] { ++done; });
        run();
    }
    const std::int64_t two_hours_ago = utc_now_ms() - 2 * 3'600'000;
    std::atomic<bool> refuses{false};
    test::HttpServer panel{[this](const test::HttpRequest&) { return answer(); }};
    PrepareRequest request;
    CredentialWatch tokens{io.get_executor(), {}, 1h};
    int requested = 0, done = 0;
};

TEST_F(TokenRefreshTest, RefreshesATokenThatIsDueOnce)
{
    (void)tokens.begin("old", two_hours_ago);
    refresh();
    EXPECT_EQ(done, 1);
    EXPECT_EQ(tokens.notice(), "");
    ASSERT_EQ(panel.requests().size(), 1u);
    EXPECT_EQ(panel.requests()[0].target(), "/api/agents/refresh");
    refresh();
    EXPECT_EQ(requested, 1) << "the new token is not due";
}

TEST_F(TokenRefreshTest, LeavesANewTokenAlone)
{
    (void)tokens.begin("old", utc_now_ms());
    refresh();
    EXPECT_EQ(requested, 0);
    EXPECT_EQ(done, 0);
}

TEST_F(TokenRefreshTest, ReportsAFailedRefreshAndWaitsBeforeTheNext)
{
    refuses = true;
    (void)tokens.begin("old", two_hours_ago);
    refresh();
    EXPECT_EQ(done, 1);
    EXPECT_THAT(tokens.notice(), HasSubstr("the daily refresh of its token failed: "));
    EXPECT_THAT(tokens.notice(), HasSubstr("answered 503"));
    refuses = false;
    refresh();
    EXPECT_EQ(requested, 1) << "five minutes have not passed";
}

TEST_F(TokenRefreshTest, KeepsTheProblemOfTheRefreshBeforeTheConnectionUntilOneSucceeds)
{
    tokens.prepared("the daily refresh of its token failed: 401");
    (void)tokens.begin("old", two_hours_ago);
    EXPECT_THAT(tokens.notice(), HasSubstr("401"));
    refresh();
    EXPECT_EQ(tokens.notice(), "");
}

TEST_F(TokenRefreshTest, DoesNotLookAtAFileOfARegistration)
{
    write_file(dir / "token", "two\n");
    CredentialWatch registered{io.get_executor(), source, 1h};
    (void)registered.begin("one", utc_now_ms());
    bool changed = false;
    registered.check_files([&] { changed = true; }, [] {});
    run();
    EXPECT_FALSE(changed);
}

} // namespace
} // namespace agenthost::host

namespace agenthost::test {
namespace {

// Dashboard's field dialect, whose servers send tokens.
class SentTokenSession : public SessionTest {
protected:
    SentTokenSession()
    {
        serve({.answer = frame("ACK", R"({"agentId":"agent-7"})")});
        server->options.on_ready = [this](Peer& peer) { on_ready(peer); };
    }
    static std::string frame(const std::string& type, const std::string& payload)
    {
        return R"({"type":")" + type + R"(","id":"m1","timestamp":1790000000000,"payload":)" + payload + "}";
    }
    void on_ready(Peer& peer)
    {
        if (server->peers.size() == 1) {
            peer.send(frame("TOKEN_REFRESH", R"({"accessToken":"new-token"})"));
            peer.close(1001);
        } else if (server->peers.size() == 2) {
            peer.send(frame("ERROR", R"({"code":"UNAUTHORIZED","message":"expired"})"));
        }
    }
    host::ServerConfig field()
    {
        auto made = config_of("dashboard");
        made.dialect = "field";
        return made;
    }
    bool carries(std::size_t i, const std::string& token)
    {
        return peer(i).request.find("Bearer " + token + "\r\n") != std::string::npos;
    }
};

TEST_F(SentTokenSession, UsesTheTokenAndReturnsToTheConfiguredOneWhenItIsRefused)
{
    connect(field());
    ASSERT_TRUE(until([&] { return server->peers.size() == 3 && ready(); })) << problem();
    EXPECT_TRUE(carries(0, "good-token")) << peer(0).request;
    EXPECT_TRUE(carries(1, "new-token")) << peer(1).request;
    EXPECT_TRUE(carries(2, "good-token")) << peer(2).request;
    EXPECT_EQ(peer(1).close_code, 1000) << "a refusal is not a fault of the server";
    EXPECT_NE(said.find("refused our credential: expired"), std::string::npos) << said;
}

} // namespace
} // namespace agenthost::test
