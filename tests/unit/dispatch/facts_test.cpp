#include "host/dispatch/facts.hpp"

#include <gtest/gtest.h>

using namespace agenthost::host;

namespace {

TEST(Facts, KeepTheLatestValueOfEachKey)
{
    Facts facts;
    EXPECT_EQ(facts.publish("storage", "files", "1"), AGH_OK);
    EXPECT_EQ(facts.publish("storage", "files", R"({"n":2})"), AGH_OK);
    EXPECT_EQ(facts.publish("docker", "load", "[0.5]"), AGH_OK);
    EXPECT_EQ(facts.json(), R"({"docker":{"load":[0.5]},"storage":{"files":{"n":2}}})");
    EXPECT_EQ(facts.get("storage", "files"), R"({"n":2})");
    EXPECT_EQ(facts.get("storage", "none"), "");
    EXPECT_EQ(facts.get("none", "files"), "");
}

TEST(Facts, RefuseWhatIsNotJson)
{
    Facts facts;
    for (const char* bad : {"{", "{}x", "nul", "\"\xff\"", "{\"a\":1,}", "1 2"})
        EXPECT_EQ(facts.publish("p", "k", bad), AGH_E_INVALID) << bad;
    EXPECT_EQ(facts.publish("p", "", "1"), AGH_E_INVALID);
    EXPECT_EQ(facts.publish("p", std::string_view{"a\0b", 3}, "1"), AGH_E_INVALID);
    EXPECT_EQ(facts.publish("p", std::string(129, 'k'), "1"), AGH_E_INVALID);
    EXPECT_EQ(facts.json(), "{}");
    EXPECT_EQ(facts.version(), 0u);
}

TEST(Facts, AreBoundedInNumberAndSize)
{
    Facts facts;
    for (std::size_t i = 0; i < Facts::max_keys_per_plugin; ++i)
        EXPECT_EQ(facts.publish("p", "k" + std::to_string(i), "1"), AGH_OK);
    EXPECT_EQ(facts.publish("p", "one more", "1"), AGH_E_BUSY);
    EXPECT_EQ(facts.publish("p", "k0", "2"), AGH_OK) << "a present key may change";
    EXPECT_EQ(facts.publish("q", "k", "1"), AGH_OK) << "another plugin has bounds of its own";
    EXPECT_EQ(facts.publish("q", "k", '"' + std::string(Facts::max_value_bytes - 2, 'x') + '"'), AGH_OK);
    EXPECT_EQ(facts.publish("q", "k", '"' + std::string(Facts::max_value_bytes - 1, 'x') + '"'), AGH_E_BUSY);
}

TEST(Facts, TellEveryChangeByTheirVersion)
{
    Facts facts;
    facts.publish("p", "k", "1");
    const auto first = facts.version();
    facts.publish("p", "k", "1");
    EXPECT_EQ(facts.version(), first) << "nothing changed";
    facts.publish("p", "k", "2");
    EXPECT_GT(facts.version(), first);
    facts.publish("p", "k", "");
    EXPECT_EQ(facts.json(), "{}") << "an empty value removes";
    const auto removed = facts.version();
    facts.publish("p", "k", "");
    facts.forget("p");
    EXPECT_EQ(facts.version(), removed);
    facts.publish("p", "k", "1");
    facts.forget("p");
    EXPECT_EQ(facts.json(), "{}");
    EXPECT_EQ(facts.version(), removed + 2);
}

TEST(Facts, QuoteNamesInTheirJson)
{
    Facts facts;
    facts.publish("p", "a\"b\n", "1");
    EXPECT_EQ(facts.json(), R"({"p":{"a\"b\n":1}})");
}

TEST(Facts, AreFlatForAHeartbeat)
{
    Facts facts;
    EXPECT_EQ(facts.flat(), "{}");
    facts.publish("printer", "devices", R"( [{"alias":"Kitchen"}] )");
    facts.publish("labels", "devices", R"([{"alias":"Bar"},{"alias":"Door"}])");
    facts.publish("empty", "devices", "[ ]");
    facts.publish("odd", "devices", "7"); // no array among arrays: left out
    facts.publish("telemetry", "system_load", R"({"cpu":1})");
    facts.publish("another", "system_load", R"({"cpu":2})");
    EXPECT_EQ(
        facts.flat(),
        R"({"devices":[{"alias":"Bar"},{"alias":"Door"},{"alias":"Kitchen"}],"system_load":{"cpu":2}})");
    facts.forget("another");
    facts.forget("labels");
    EXPECT_EQ(facts.flat(), R"({"devices":[{"alias":"Kitchen"}],"system_load":{"cpu":1}})");
}

TEST(Facts, OfTheHostAreNoPluginsToReplace)
{
    Facts facts;
    facts.publish("liar", "uptime", "999999");
    facts.publish("liar", "x", "1");
    EXPECT_EQ(facts.flat({{"uptime", "12"}, {"agent_status", R"("healthy")"}}),
              R"({"uptime":12,"agent_status":"healthy","x":1})");
    EXPECT_EQ(facts.flat({{"uptime", "12"}}), R"({"uptime":12,"x":1})");
}

} // namespace
