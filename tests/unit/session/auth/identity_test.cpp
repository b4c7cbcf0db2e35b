// How an attempt gets its credential: each kind of enrolment, and a registration that is new, due, refused or
// broken.
#include "host/session/auth/identity.hpp"
#include "host/session/utc.hpp"
#include "tests/support/proxy.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>

namespace agenthost::host {
namespace {

using nlohmann::json;
using test::http_answer;
using test::read_file;
using test::TempDir;
using test::write_file;
using ::testing::HasSubstr;

class IdentityTest : public testing::Test {
protected:
    IdentityTest()
    {
        write_file(dir / "admin", "admin-secret\n");
        request.config.name = "games";
        request.config.protocol = "panel";
        request.config.url = "ws://127.0.0.1:1/agent";
        request.config.agent_id = "agent-7";
        request.config.protocol_json = json{{"register_url", panel.url("/api/agents/register")},
                                            {"refresh_ms", 86'400'000},
                                            {"admin_credential", {{"file", (dir / "admin").string()}}}}
                                           .dump();
        request.state_dir = dir.path().string();
        request.capabilities = "[]";
    }
    std::string answer(const test::HttpRequest& asked) const
    {
        const bool register_call = asked.target() == "/api/agents/register";
        if (register_call ? refuses_registration : refuses_refresh)
            return http_answer("401 Unauthorized", R"({"error":{"code":"AUTH_FAILED","message":"expired"}})");
        const json agent{{"id", other_agent ? "another" : "agent_uuid"},
                         {"token", register_call ? "registered" : "refreshed"},
                         {"refreshToken", "refresh-secret"}};
        return http_answer("200 OK", json{{"agent", agent}}.dump());
    }
    Identity identity(int renewal = 0)
    {
        request.renewal = renewal;
        return identify(request, {});
    }
    std::vector<std::string> asked() const
    {
        std::vector<std::string> out;
        for (const auto& each : panel.requests()) out.push_back(each.method() + " " + each.target());
        return out;
    }
    std::filesystem::path file() const { return dir / "servers/games/registration.json"; }
    void age(std::chrono::milliseconds by)
    {
        json stored = json::parse(read_file(file()));
        stored["refreshed_at"] = stored["refreshed_at"].get<std::int64_t>() - by.count();
        write_file(file(), stored.dump());
    }

    static constexpr const char* registers = "POST /api/agents/register";
    static constexpr const char* refreshes = "POST /api/agents/refresh";
    TempDir dir;
    IdentityRequest request;
    std::atomic<bool> refuses_registration{false}, refuses_refresh{false}, other_agent{false};
    test::HttpServer panel{[this](const test::HttpRequest& asked) { return answer(asked); }};
};

TEST_F(IdentityTest, ReadsTheConfiguredCredential)
{
    write_file(dir / "token", "file-secret\n");
    request.config.protocol = "storage";
    request.config.credential = {SecretSource::Kind::file, (dir / "token").string()};
    EXPECT_EQ(identity().credential, "file-secret");
    request.config.credential.name = (dir / "none").string();
    const Identity missing = identity();
    EXPECT_THAT(missing.problem, HasSubstr((dir / "none").string()));
    EXPECT_FALSE(missing.refused);
    EXPECT_TRUE(asked().empty());
}

TEST_F(IdentityTest, NeedsACredentialUnlessTheProtocolHasItOptional)
{
    request.config.protocol = "storage";
    EXPECT_THAT(identity().problem,
                HasSubstr("servers[games] has no credential; add `credential: {file: PATH}`"));
    request.config.protocol = "print";
    EXPECT_EQ(identity().problem, "");
    EXPECT_EQ(identity().credential, "");
}

TEST_F(IdentityTest, RegistersOnceAndKeepsTheToken)
{
    const Identity first = identity();
    EXPECT_EQ(first.problem, "");
    EXPECT_EQ(first.credential, "registered");
    EXPECT_EQ(first.agent_id, "agent_uuid");
    EXPECT_NEAR(static_cast<double>(first.refreshed_at), static_cast<double>(utc_now_ms()), 60'000.0);
    EXPECT_EQ(identity().credential, "registered");
    EXPECT_THAT(asked(), testing::ElementsAre(registers));
    EXPECT_EQ(panel.requests()[0].header("authorization"), "Bearer admin-secret");
}

TEST_F(IdentityTest, RefreshesATokenThatIsDue)
{
    (void)identity();
    age(std::chrono::hours{25});
    const Identity later = identity();
    EXPECT_EQ(later.credential, "refreshed");
    EXPECT_EQ(later.notice, "");
    EXPECT_THAT(asked(), testing::ElementsAre(registers, refreshes));
    EXPECT_THAT(panel.requests()[1].body, HasSubstr("refresh-secret"));
    EXPECT_THAT(read_file(file()), HasSubstr("\"refreshed\""));
}

TEST_F(IdentityTest, RefreshesATokenFromTheFuture)
{
    (void)identity();
    age(-std::chrono::hours{2}); // this machine's clock was set back
    EXPECT_EQ(identity().credential, "refreshed");
}

TEST_F(IdentityTest, UsesAnOldTokenThatCannotBeRefreshed)
{
    (void)identity();
    age(std::chrono::hours{25});
    refuses_refresh = true;
    const Identity later = identity();
    EXPECT_EQ(later.problem, "");
    EXPECT_EQ(later.credential, "registered") << "it may still be valid";
    EXPECT_THAT(later.notice, HasSubstr("the daily refresh of its token failed"));
}

TEST_F(IdentityTest, RefreshesARefusedTokenBeforeItIsDue)
{
    (void)identity();
    EXPECT_EQ(identity(1).credential, "refreshed");
    refuses_refresh = true;
    const Identity refused = identity(1);
    EXPECT_TRUE(refused.refused);
    EXPECT_TRUE(refused.renewable) << "registering again is left";
    EXPECT_THAT(refused.problem, HasSubstr("answered 401: AUTH_FAILED expired"));
    EXPECT_EQ(refused.credential, "");
}

TEST_F(IdentityTest, RegistersAgainAsTheLastResort)
{
    (void)identity();
    EXPECT_EQ(identity(2).credential, "registered");
    EXPECT_THAT(asked(), testing::ElementsAre(registers, registers));
    refuses_registration = true;
    const Identity refused = identity(2);
    EXPECT_TRUE(refused.refused);
    EXPECT_FALSE(refused.renewable);
    EXPECT_THAT(refused.problem, HasSubstr("Check panel.admin_credential"));
}

TEST_F(IdentityTest, RejectsARefreshForAnotherAgent)
{
    (void)identity();
    other_agent = true;
    EXPECT_THAT(identity(1).problem, HasSubstr("the refresh answered for another agent"));
    EXPECT_THAT(read_file(file()), HasSubstr("agent_uuid"));
}

TEST_F(IdentityTest, NeedsAUrlFromTheConfigurationOrTheRegistration)
{
    request.config.url.clear();
    EXPECT_THAT(identity().problem,
                HasSubstr("has no url, and the registration named none of the same host"));
}

TEST_F(IdentityTest, RefreshesTheTokenOfALiveSessionOnlyWhenItIsDue)
{
    const Identity first = identity();
    std::int64_t refreshed_at = 0;
    EXPECT_EQ(refresh_registration(request, {}, refreshed_at), "");
    EXPECT_EQ(refreshed_at, first.refreshed_at);
    EXPECT_EQ(asked().size(), 1u);
    age(std::chrono::hours{25});
    EXPECT_EQ(refresh_registration(request, {}, refreshed_at), "");
    EXPECT_GE(refreshed_at, first.refreshed_at);
    EXPECT_EQ(asked().size(), 2u);
    age(std::chrono::hours{25});
    refuses_refresh = true;
    EXPECT_THAT(refresh_registration(request, {}, refreshed_at), HasSubstr("answered 401"));
}

TEST_F(IdentityTest, RegistersAgainByHandOnlyWhereThereIsARegistration)
{
    EXPECT_EQ(register_again(request, {}).outcome, Registrar::Outcome::done);
    EXPECT_EQ(register_again(request, {}).outcome, Registrar::Outcome::done);
    EXPECT_EQ(asked().size(), 2u);
    request.config.protocol = "storage";
    const auto none = register_again(request, {});
    EXPECT_EQ(none.outcome, Registrar::Outcome::failed);
    EXPECT_THAT(none.problem,
                HasSubstr("only servers of the panel protocol have one, and it speaks storage"));
    request.config.protocol = "panel";
    request.config.protocol_json = "{}";
    EXPECT_THAT(register_again(request, {}).problem, HasSubstr("set panel.register_url"));
}

TEST(SecretPrint, ChangesWithTheSecretAndDoesNotShowIt)
{
    const TempDir dir;
    const SecretSource source{SecretSource::Kind::file, (dir / "token").string()};
    EXPECT_EQ(secret_print(source), "");
    write_file(dir / "token", "one\n");
    const std::string one = secret_print(source);
    EXPECT_EQ(one.size(), 64u);
    write_file(dir / "token", "two\n");
    EXPECT_NE(secret_print(source), one);
}

} // namespace
} // namespace agenthost::host
