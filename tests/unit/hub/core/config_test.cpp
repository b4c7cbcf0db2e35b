#include "plugins/hub/core/config.hpp"

#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

using namespace agenthost::hub;

namespace {

TEST(HubConfig, BoundsMessagesAndResults)
{
    const Config defaults = parse_config("{}", "/s");
    EXPECT_EQ(defaults.message_bytes, 1U << 20);
    EXPECT_EQ(defaults.result_bytes, 1ULL << 30);
    const Config c = parse_config(R"({"message_bytes":"64MiB","result_bytes":"1.5GiB"})", "/s");
    EXPECT_EQ(c.message_bytes, 64U << 20);
    EXPECT_EQ(c.result_bytes, 3ULL << 29);
}

TEST(HubConfig, RefusesMessagesThatNoAgentCouldUse)
{
    for (const char* bad : {R"({"message_bytes":"1KiB"})", R"({"message_bytes":"1GiB"})"}) {
        try {
            parse_config(bad, "/s");
            FAIL() << bad;
        } catch (const std::invalid_argument& e) {
            EXPECT_THAT(e.what(), testing::HasSubstr("plugins.hub.config.message_bytes"));
            EXPECT_THAT(e.what(), testing::HasSubstr("16KiB to 64MiB"));
        }
    }
}

TEST(HubConfig, ReadsTheManifestsItNames)
{
    const agenthost::test::TempDir dir;
    agenthost::test::write_file(dir / "x.manifest.json", R"({"aliases":{"panel":{"go":"x.start"}}})");
    const Config c = parse_config(R"({"manifests":["x.manifest.json"]})", (dir / ".").string());
    EXPECT_EQ(c.action_words.word("panel", "x.start"), "go")
        << "a relative path is below the state directory";
    try {
        parse_config(R"({"manifests":["missing"]})", (dir / ".").string());
        FAIL();
    } catch (const std::invalid_argument& e) {
        EXPECT_THAT(e.what(), testing::HasSubstr("plugins.hub.config.manifests"));
        EXPECT_THAT(e.what(), testing::HasSubstr("/missing"));
    }
}

TEST(HubConfig, ReadsUnitsAsTheDaemonDoes)
{
    const Config c =
        parse_config(R"({"spool_bytes":"1.5GiB","max_file":4096,"task_ttl":"1.5h","agent_grace":"0"})", "/s");
    EXPECT_EQ(c.spool_bytes, 3ULL << 29);
    EXPECT_EQ(c.max_file, 4096U);
    EXPECT_EQ(c.task_ttl, std::chrono::minutes{90});
    EXPECT_EQ(c.agent_grace, milliseconds{0});
    for (const char* bad : {R"({"max_file":"lots"})", R"({"max_file":-1})", R"({"task_ttl":30})",
                            R"({"task_ttl":"800d"})", R"({"task_ttl":""})"})
        EXPECT_THROW(parse_config(bad, "/s"), std::invalid_argument) << bad;
}

TEST(HubConfig, TakesAContainersSecretWithModeAny)
{
    const Config c = parse_config(R"({"admin_token":{"file":"/x/token","mode":"any"}})", "/s");
    EXPECT_TRUE(c.admin_token.any_mode);
    EXPECT_THROW(parse_config(R"({"admin_token":{"env":"A","mode":"any"}})", "/s"), std::invalid_argument);
}

TEST(HubConfig, PutsPathsBelowTheStateDirectory)
{
    const Config c = parse_config(
        R"({"database":"h.db","credentials":"/etc/agents.yaml","public_url":"https://h.example.com/","reader_grace":"3s"})",
        "/state");
    EXPECT_EQ(c.database, "/state/h.db");
    EXPECT_EQ(c.credentials, "/etc/agents.yaml");
    EXPECT_EQ(c.spool, "/state/spool");
    EXPECT_EQ(c.public_url, "https://h.example.com");
    EXPECT_EQ(c.reader_grace, std::chrono::seconds{3});
}

TEST(HubConfig, NamesTheInvalidKey)
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
                testing::HasSubstr("plugins.hub.config.task_ttl: \"soon\" is not a duration"));
    EXPECT_THAT(text(R"({"public_url":"hub.example.com"})"),
                testing::HasSubstr("write for instance https://"));
    EXPECT_THAT(text(R"({"admin_token":{"fil":"x"}})"), testing::HasSubstr("{file: PATH}"));
    EXPECT_THAT(text(R"({"jwt_secret":{"file":"a"},"jwt_key":{"file":"b"}})"),
                testing::HasSubstr("both set"));
    EXPECT_THAT(text(R"({"allow_origins":["desk.example.com"]})"),
                testing::HasSubstr("write for instance https://"));
    EXPECT_THAT(text(R"({"allow_origins":["https://desk.example.com/app"]})"),
                testing::HasSubstr("is not an origin"));
    EXPECT_THAT(text(R"({"ping_interval":"1ms"})"), testing::HasSubstr("ping_interval"));
}

} // namespace
