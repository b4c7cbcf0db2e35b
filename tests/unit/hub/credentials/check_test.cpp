// `agenthost config check` reports everything that would prevent the hub from starting.
#include "plugins/hub/credentials/check.hpp"
#include "tests/support/support.hpp"

#include <agenthost/testing/check_reports.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace {

using namespace agenthost::hub;
using agenthost::test::TempDir;
using agenthost::test::write_file;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

namespace fs = std::filesystem;

struct HubCheck : testing::Test {
    TempDir dir;
    std::string state = (dir / "state").string();
    Config config = parse_config("{}", state);

    Secret file(const char* name, const std::string& text)
    {
        write_file(dir / name, text);
        return {Secret::Kind::file, (dir / name).string()};
    }
    std::vector<std::string> check()
    {
        return agenthost::testing::collect_reports({"hub"}, [&](const agh_check& raw) {
            agenthost::Check report{raw};
            check_config(config, state, report);
        });
    }
};

TEST_F(HubCheck, FindsAndCreatesNothingByDefault)
{
    EXPECT_THAT(check(), IsEmpty());
    EXPECT_FALSE(fs::exists(state));
}

TEST_F(HubCheck, ReportsATokenThatIsTooShort)
{
    config.admin_token = file("admin", "x\n");
    config.enroll_token = file("enroll", "1234567\n");
    EXPECT_THAT(check(), ElementsAre(AllOf(StartsWith("error admin_token: " + dir.path().string()),
                                           HasSubstr("shorter than 8 characters")),
                                     AllOf(StartsWith("error enroll_token: " + dir.path().string()),
                                           HasSubstr("shorter than 8 characters"))));
    config.admin_token = file("admin", "long-enough\n");
    config.enroll_token = {};
    EXPECT_THAT(check(), IsEmpty());
}

TEST_F(HubCheck, ReportsAnUnusableJwtKey)
{
    config.jwt_secret = file("secret", "too-short-for-HS256\n");
    EXPECT_THAT(check(), ElementsAre(AllOf(StartsWith("error jwt_secret: " + dir.path().string()),
                                           HasSubstr("shorter than 32 characters"))));
    config.jwt_secret = {};
    config.jwt_key = file("key", "-----BEGIN NONSENSE-----\n");
    EXPECT_THAT(check(), ElementsAre(AllOf(StartsWith("error jwt_key: " + dir.path().string()),
                                           HasSubstr("not a private key"))));
}

TEST_F(HubCheck, DoesNotBlameTheCredentialsFileForAnotherSecret)
{
    config.admin_token = {Secret::Kind::env, "AGENTHOST_TEST_NOT_SET"};
    write_file(dir / "agents.yaml", "agents: [{id: n1, secret: long-enough}]\n");
    config.credentials = (dir / "agents.yaml").string();
    EXPECT_THAT(check(), ElementsAre(StartsWith("warning admin_token: ")));
}

TEST_F(HubCheck, ReportsFoldersThatCannotBeCreated)
{
    config.database = (dir / "none/hub.db").string();
    config.spool = (dir / "nowhere/spool").string();
    EXPECT_THAT(check(),
                ElementsAre(AllOf(StartsWith("error database: "), HasSubstr("/none is not a folder")),
                            AllOf(StartsWith("error spool: "), HasSubstr("/nowhere is not a folder"))));
    write_file(dir / "spool", "a file");
    config.database = dir.path().string();
    config.spool = (dir / "spool").string();
    EXPECT_THAT(check(),
                ElementsAre(HasSubstr("is a folder; name a file"), HasSubstr("/spool is not a folder")));
}

TEST_F(HubCheck, ReportsAForeignKeyFile)
{
    config.database = (dir / "hub.db").string();
    write_file(dir / "hub.db.key", "something else\n");
    EXPECT_THAT(check(), ElementsAre(AllOf(StartsWith("error database: "),
                                           HasSubstr("not a key that the hub created"))));
}

} // namespace
