// The search for secrets that every Daemon of a test ends with finds what it must, and only that.
#include "tests/support/daemon.hpp"
#include "tests/support/secrets.hpp"

#include <gtest/gtest.h>

using namespace agenthost::test;

namespace {

const std::string jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJub2RlLTAxIn0.c2lnbmF0dXJlLW9mLWl0";

TEST(Secrets, AreFoundInEveryEncodingInALog)
{
    keep_secret("a-secret-of-this-test");
    keep_secrets_in_json(R"({"agent":{"refreshToken":"refresh-4711-0815"},"token":"minted-4711-0815"})");
    for (const std::string& leak : {std::string{"x a-secret-of-this-test y"},
                                    std::string{"refresh-4711-0815"}, std::string{"minted-4711-0815"},
                                    "got " + jwt, std::string{"Authorization: Bearer 0123456789abcdef"},
                                    std::string{"ws://h/ws/agent?token=0123456789abcdef"},
                                    std::string{"GET /api/temp/download/0123456789abcdef0123"}})
        EXPECT_EQ(leaks("line\n" + leak + "\nline").size(), 1u) << leak;
    for (const char* fine : {"Authorization: Bearer ***", "ws://h/ws/agent?token=***",
                             "GET /api/temp/download/***", "a-secret-of-another"})
        EXPECT_TRUE(leaks(fine).empty()) << fine;
}

TEST(Secrets, AreCollectedFromFilesAndEnvironment)
{
    TempDir dir;
    std::filesystem::create_directories(dir / "state/servers/games");
    write_file(dir / "one", "secret-of-a-file-1\n");
    write_file(
        dir / "many.yaml",
        "agents:\n  - {id: n1, secret: secret-of-a-list-1}\n  - {id: n2, secret: \"secret-of-a-list-2\"}\n");
    write_file(dir / "state/servers/games/registration.json", R"({"token":"token-of-the-state-1"})");
    keep_secrets_of(
        "servers: [{credential: {file: '" + (dir / "one").string() +
            "'}, panel: {admin_credential: {env: AN_ADMIN}}}]\nplugins: {hub: {config: {credentials: '" +
            (dir / "many.yaml").string() + "'}}}",
        {{"AN_ADMIN", "secret-of-the-environment"}}, dir / "state");
    for (const char* secret : {"secret-of-a-file-1", "secret-of-a-list-1", "secret-of-a-list-2",
                               "token-of-the-state-1", "secret-of-the-environment"})
        EXPECT_EQ(leaks(secret).size(), 1u) << secret;
}

void run_one_that_logs()
{
    Daemon daemon{
        {.yaml = "", .wrapper = {"sh", "-c", "echo 'Bearer 0123456789abcdef' >&2; exec \"$@\"", "sh"}}};
    daemon.wait_ready();
}

TEST(SecretsDeathTest, EndTheTestWhenADaemonLogsOne)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(run_one_that_logs(), "a secret in the log of node-01");
}

} // namespace
