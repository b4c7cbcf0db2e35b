// The rows of protocol_traits.hpp: each can be found, and each is whole.
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <set>

using namespace agenthost::wire;
using namespace std::chrono_literals;

namespace {

TEST(ProtocolTraits, EveryRowIsFoundByItsNameAndDialect)
{
    std::set<std::pair<std::string_view, std::string_view>> names;
    for (const ProtocolTraits& row : protocols()) {
        EXPECT_TRUE(names.emplace(row.name, row.dialect).second) << row.name;
        EXPECT_EQ(&traits(row.protocol), &row);
        EXPECT_EQ(find_traits(row.name, row.dialect), &row);
        EXPECT_EQ(protocol(row.name, row.dialect), row.protocol);
        EXPECT_EQ(name(row.protocol), row.name);
    }
    EXPECT_EQ(find_traits("gopher"), nullptr);
    EXPECT_EQ(find_traits("storage", "field"), nullptr);
}

TEST(ProtocolTraits, EveryRowHasCodecsForBothEnds)
{
    for (const ProtocolTraits& row : protocols()) {
        EXPECT_NE(agent_codec(row.protocol), nullptr) << row.name;
        EXPECT_NE(server_codec(row.protocol), nullptr) << row.name;
    }
}

TEST(ProtocolTraits, TimesAndSettingsAreUsable)
{
    for (const ProtocolTraits& row : protocols()) {
        EXPECT_GT(row.heartbeat, 0ms) << row.name;
        EXPECT_GT(row.backoff, 0ms) << row.name;
        EXPECT_LE(row.backoff, row.backoff_max) << row.name;
        for (const ProtocolSetting& setting : row.settings) {
            EXPECT_EQ(row.setting(setting.key), &setting) << row.name;
            EXPECT_FALSE(setting.doc.empty()) << setting.key;
            EXPECT_LE(setting.min, setting.max) << setting.key;
            EXPECT_TRUE(setting.fallback == 0 || setting.fallback >= setting.min) << setting.key;
            EXPECT_LE(setting.fallback, setting.max) << setting.key;
        }
        for (const std::string_view named : {row.id_setting, row.url_setting})
            EXPECT_TRUE(named.empty() || row.setting(named) != nullptr) << named;
    }
}

TEST(ProtocolTraits, FramesOfAProtocolAreNotCommands)
{
    EXPECT_TRUE(traits(Protocol::storage).reserves_word("auth"));
    EXPECT_TRUE(traits(Protocol::print).reserves_word("task_result"));
    EXPECT_TRUE(traits(Protocol::dashboard).reserves_word("heartbeat"));
    EXPECT_FALSE(traits(Protocol::print).reserves_word("task_print"));
    EXPECT_FALSE(traits(Protocol::panel).reserves_word("response"))
        << "an action there has a place of its own";
    EXPECT_TRUE(traits(Protocol::storage).reserves_param("request_id"));
    EXPECT_FALSE(traits(Protocol::panel).reserves_param("action"));
}

} // namespace
