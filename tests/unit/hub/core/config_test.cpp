// Keys of the hub's configuration that bound what it takes and keeps.
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
    EXPECT_EQ(c.words.word("panel", "x.start"), "go") << "a relative path is below the state directory";
    try {
        parse_config(R"({"manifests":["missing"]})", (dir / ".").string());
        FAIL();
    } catch (const std::invalid_argument& e) {
        EXPECT_THAT(e.what(), testing::HasSubstr("plugins.hub.config.manifests"));
        EXPECT_THAT(e.what(), testing::HasSubstr("/missing"));
    }
}

} // namespace
