#include "plugins/docker/service/events_json.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace agenthost::docker::service;
using nlohmann::json;

namespace {

constexpr std::uint64_t mib = 1 << 20;

TEST(UsageEvent, HasTheDocumentsShape)
{
    Usage usage;
    usage.cpu_percent = 52.13;
    usage.memory = 1200 * mib;
    const json event = json::parse(usage_event("s1", usage, 2048 * mib, DiskUse{2150 * mib, 5120 * mib}));
    EXPECT_EQ(event["serverId"], "s1");
    EXPECT_EQ(event["cpu"], 52.1);
    EXPECT_EQ(event["memory"], (json{{"used", "1200m"}, {"percentage", 58.6}}));
    EXPECT_EQ(event["disk"], (json{{"used", "2150m"}, {"percentage", 42.0}}));
}

TEST(UsageEvent, LeavesOutWhatIsNotKnownOrNotLimited)
{
    const json unlimited = json::parse(usage_event("s1", {}, 0, DiskUse{mib, 0}));
    EXPECT_EQ(unlimited["memory"], (json{{"used", "0m"}}));
    EXPECT_EQ(unlimited["disk"], (json{{"used", "1m"}}));
    EXPECT_FALSE(json::parse(usage_event("s1", {}, 0, std::nullopt)).contains("disk"));
}

} // namespace
