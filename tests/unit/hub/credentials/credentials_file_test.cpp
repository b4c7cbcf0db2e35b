#include "plugins/hub/credentials/credentials_file.hpp"

#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace agenthost::hub;
using agenthost::base::sha256;
using testing::HasSubstr;
using testing::Not;

namespace {

std::string problem_of(const std::string& yaml)
{
    std::string why;
    EXPECT_FALSE(parse_credentials(yaml, "hub-agents.yaml", why)) << yaml;
    return why;
}

TEST(HubCredentialsFile, ReadsAgents)
{
    std::string why;
    const auto listed = parse_credentials(
        "agents:\n  - {id: node-01, secret: \"correct horse\"}\n  - {id: n2, secret: 12345678}\n", "f", why);
    ASSERT_TRUE(listed) << why;
    EXPECT_EQ(listed->at("node-01").digest, sha256("correct horse"));
    EXPECT_EQ(listed->at("node-01").secret, "correct horse") << "signed frames need it whole";
    EXPECT_EQ(listed->at("n2").digest, sha256("12345678"));
    EXPECT_TRUE(parse_credentials("", "f", why)) << "an empty file lists nobody";
}

TEST(HubCredentialsFile, ReportsWhereAndHowToFix)
{
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: long enough}\n  - {id: a, secret: long enough}\n"),
                HasSubstr("hub-agents.yaml:3: a is listed twice"));
    EXPECT_THAT(problem_of("agents:\n  - {id: a}\n"), HasSubstr("hub-agents.yaml:2: an agent needs"));
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: short}\n"), HasSubstr("openssl rand -hex 32"));
    EXPECT_THAT(problem_of("agents:\n  - {id: \"a/b\", secret: long enough}\n"), HasSubstr("slash"));
    EXPECT_THAT(problem_of("agents: 5\n"), HasSubstr("agents: [{id: node-01"));
    EXPECT_THAT(problem_of("just text"), HasSubstr("agents: [{id: node-01"));
}

TEST(HubCredentialsFile, NeverReportsASecret)
{
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: \"hunter2hunter2\n"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: hunter2}\n"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: [hunter2hunter2]}\n"), Not(HasSubstr("hunter2")));
}

TEST(HubCredentialsFile, RefusesAFileThatOthersCanRead)
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

TEST(HubCredentialsFile, ReadsSecretsByTheSameRulesAsTheDaemon)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "token").string();
    std::string why;
    agenthost::test::write_file(path, " s3cret \r\n", 0600);
    EXPECT_EQ(read_secret({Secret::Kind::file, path}, why), " s3cret ");
    agenthost::test::write_file(path, "one\ntwo\n", 0600);
    EXPECT_FALSE(read_secret({Secret::Kind::file, path}, why));
    EXPECT_THAT(why, HasSubstr("2 lines"));
    agenthost::test::write_file(path, "\n", 0600);
    EXPECT_FALSE(read_secret({Secret::Kind::file, path}, why));
    EXPECT_THAT(why, HasSubstr("empty"));
    EXPECT_FALSE(read_secret({Secret::Kind::file, path + ".none"}, why));
    EXPECT_FALSE(read_secret({Secret::Kind::env, "AGENTHOST_NO_SUCH_VARIABLE"}, why));
    EXPECT_THAT(why, HasSubstr("AGENTHOST_NO_SUCH_VARIABLE"));
    EXPECT_FALSE(read_secret({Secret::Kind::file, dir.path().string()}, why)) << "a folder is no secret";
}

TEST(HubCredentialsFile, AFingerprintChangesWithTheFile)
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

} // namespace
