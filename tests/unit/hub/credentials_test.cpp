#include "plugins/hub/credentials.hpp"

#include "plugins/hub/config.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>

using namespace agenthost::hub;
using agenthost::kit::sha256;
using testing::HasSubstr;
using testing::Not;

namespace {

std::string problem_of(const std::string& yaml)
{
    std::string why;
    EXPECT_FALSE(parse_credentials(yaml, "hub-agents.yaml", why)) << yaml;
    return why;
}

TEST(HubCredentials, ReadsAgents)
{
    std::string why;
    const auto listed = parse_credentials(
        "agents:\n  - {id: node-01, secret: \"correct horse\"}\n  - {id: n2, secret: 12345678}\n", "f", why);
    ASSERT_TRUE(listed) << why;
    EXPECT_EQ(listed->at("node-01"), sha256("correct horse"));
    EXPECT_EQ(listed->at("n2"), sha256("12345678"));
    EXPECT_TRUE(parse_credentials("", "f", why)) << "an empty file lists nobody";
}

TEST(HubCredentials, SaysWhereAndHowToFix)
{
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: long enough}\n  - {id: a, secret: long enough}\n"),
                HasSubstr("hub-agents.yaml:3: a is listed twice"));
    EXPECT_THAT(problem_of("agents:\n  - {id: a}\n"), HasSubstr("hub-agents.yaml:2: an agent needs"));
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: short}\n"), HasSubstr("openssl rand -hex 32"));
    EXPECT_THAT(problem_of("agents:\n  - {id: \"a/b\", secret: long enough}\n"), HasSubstr("slash"));
    EXPECT_THAT(problem_of("agents: 5\n"), HasSubstr("agents: [{id: node-01"));
    EXPECT_THAT(problem_of("just text"), HasSubstr("agents: [{id: node-01"));
}

TEST(HubCredentials, NeverSaysASecret)
{
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: \"hunter2hunter2\n"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: hunter2}\n"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: [hunter2hunter2]}\n"), Not(HasSubstr("hunter2")));
}

TEST(HubCredentials, RefusesAFileThatOthersCanRead)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "agents.yaml").string();
    for (const int mode : {0604, 0620, 0666, 0640}) {
        agenthost::test::write_file(path, "agents: []\n", 0600);
        ASSERT_EQ(::chmod(path.c_str(), static_cast<mode_t>(mode)), 0);
        std::string why;
        const bool read = read_credentials_file(path, why).has_value();
        EXPECT_EQ(read, mode == 0640) << std::oct << mode; // a group may be let in to read: root:agenthost
        if (mode != 0640) {
            EXPECT_THAT(why, HasSubstr("chmod 0600 " + path));
        }
    }
}

TEST(HubCredentials, SecretsLoseTheirNewlineAndNothingElse)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "token").string();
    std::string why;
    agenthost::test::write_file(path, " s3cret \r\n", 0600);
    EXPECT_EQ(read_secret({Secret::Kind::file, path}, why), " s3cret ");
    agenthost::test::write_file(path, "\n", 0600);
    EXPECT_FALSE(read_secret({Secret::Kind::file, path}, why));
    EXPECT_THAT(why, HasSubstr("empty"));
    EXPECT_FALSE(read_secret({Secret::Kind::file, path + ".none"}, why));
    EXPECT_FALSE(read_secret({Secret::Kind::env, "AGENTHOST_NO_SUCH_VARIABLE"}, why));
    EXPECT_THAT(why, HasSubstr("AGENTHOST_NO_SUCH_VARIABLE"));
    EXPECT_FALSE(read_secret({Secret::Kind::file, dir.path().string()}, why)) << "a folder is no secret";
}

TEST(HubCredentials, AFingerprintChangesWithTheFile)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "token").string();
    EXPECT_EQ(fingerprint(path), "");
    agenthost::test::write_file(path, "one", 0600);
    const std::string one = fingerprint(path);
    EXPECT_EQ(fingerprint(path), one);
    agenthost::test::write_file(path, "other", 0600);
    EXPECT_NE(fingerprint(path), one);
}

TEST(HubCredentials, AdmitsByFileOrMintedTokenAndNobodyElse)
{
    Credentials c;
    c.set_listed({{"listed", sha256("file-token")}});
    c.put(MintedAgent{.id = "minted", .token = sha256("minted-token")});
    EXPECT_TRUE(c.agent_may("listed", "file-token"));
    EXPECT_TRUE(c.agent_may("minted", "minted-token"));
    EXPECT_FALSE(c.agent_may("listed", "minted-token"));
    EXPECT_FALSE(c.agent_may("minted", "file-token"));
    EXPECT_FALSE(c.agent_may("nobody", "file-token"));
    EXPECT_FALSE(c.agent_may("listed", ""));
    EXPECT_TRUE(c.knows("listed"));
    EXPECT_FALSE(c.knows("nobody"));
}

TEST(HubCredentials, RevokedBeatsTheFile)
{
    Credentials c;
    c.set_listed({{"a", sha256("file-token")}});
    c.put(MintedAgent{.id = "a", .revoked = true});
    EXPECT_FALSE(c.agent_may("a", "file-token"));
    EXPECT_FALSE(c.knows("a"));
    c.put(MintedAgent{.id = "a", .token = sha256("new-token")});
    EXPECT_TRUE(c.agent_may("a", "new-token"));
    EXPECT_TRUE(c.agent_may("a", "file-token"));
}

TEST(HubCredentials, CallersNeedATokenThatExists)
{
    Credentials c;
    EXPECT_FALSE(c.caller_may("")) << "no admin token is not an empty one";
    EXPECT_FALSE(c.caller_may("x"));
    c.set_admin(sha256("admin"));
    c.put(MintedToken{.id = "t1", .token = sha256("minted")});
    EXPECT_TRUE(c.caller_may("admin"));
    EXPECT_TRUE(c.caller_may("minted"));
    EXPECT_FALSE(c.caller_may("admi"));
    c.remove_token("t1");
    EXPECT_FALSE(c.caller_may("minted"));
}

TEST(HubConfig, ReadsUnits)
{
    EXPECT_EQ(parse_size("4096"), 4096U);
    EXPECT_EQ(parse_size("64KiB"), 65536U);
    EXPECT_EQ(parse_size("2GiB"), 2ULL << 30);
    EXPECT_EQ(parse_duration("500ms"), milliseconds{500});
    EXPECT_EQ(parse_duration("24h"), std::chrono::hours{24});
    for (const char* bad :
         {"", "x", "-1", "5 GiB", "1.5GiB", "99999999999999999999", "18446744073709551615KiB"}) {
        EXPECT_THROW(parse_size(bad), std::invalid_argument) << bad;
    }
    for (const char* bad : {"", "s", "5 s", "800d", "-3s"})
        EXPECT_THROW(parse_duration(bad), std::invalid_argument) << bad;
}

TEST(HubConfig, PutsPathsBelowTheStateDirectory)
{
    const Config c = parse_config(
        R"({"database":"h.db","credentials":"/etc/agents.yaml","public_url":"https://h.example.com/"})",
        "/state");
    EXPECT_EQ(c.database, "/state/h.db");
    EXPECT_EQ(c.credentials, "/etc/agents.yaml");
    EXPECT_EQ(c.spool, "/state/spool");
    EXPECT_EQ(c.public_url, "https://h.example.com");
}

TEST(HubConfig, SaysWhichKeyIsWrong)
{
    const auto text = [](const char* json) -> std::string {
        try {
            parse_config(json, "/s");
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
        return "accepted";
    };
    EXPECT_THAT(text(R"({"task_ttl":"soon"})"),
                HasSubstr("plugins.hub.config.task_ttl: \"soon\" is not a duration"));
    EXPECT_THAT(text(R"({"public_url":"hub.example.com"})"), HasSubstr("write for instance https://"));
    EXPECT_THAT(text(R"({"admin_token":{"fil":"x"}})"), HasSubstr("{file: PATH}"));
}

} // namespace
