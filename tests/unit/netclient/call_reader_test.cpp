#include "netclient/call_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using agenthost::netclient::CallReader;
using nlohmann::json;
using testing::ElementsAre;

namespace {

struct Heard {
    std::vector<std::string> events;
    CallReader reader{{
        .progress = [this](const json& p) { events.push_back("progress " + p.dump()); },
        .stream =
            [this](std::uint32_t channel, std::string_view bytes) {
                events.push_back(std::to_string(channel) + " " + std::string{bytes});
            },
        .lost =
            [this](std::uint32_t channel, std::uint64_t n) {
                events.push_back("lost " + std::to_string(channel) + " " + std::to_string(n));
            },
    }};
};

const std::string lines = "{\"progress\":{\"done\":1}}\n"
                          "{\"stream\":{\"channel\":1,\"offset\":0,\"base64\":\"YWI=\"}}\n"
                          "\n{\"later\":1}\nnot json\n"
                          "{\"stream\":{\"channel\":1,\"offset\":5,\"base64\":\"Yw==\"}}\n"
                          "{\"result\":{\"status\":\"success\",\"data\":\"ok\"}}";

TEST(CallReader, ReadsTheSameForEveryCutOfTheBytes)
{
    for (std::size_t cut = 0; cut <= lines.size(); ++cut) {
        SCOPED_TRACE(cut);
        Heard heard;
        heard.reader.feed(std::string_view{lines}.substr(0, cut));
        heard.reader.feed(std::string_view{lines}.substr(cut));
        heard.reader.end();
        EXPECT_THAT(heard.events, ElementsAre("progress {\"done\":1}", "1 ab", "lost 1 3", "1 c"));
        ASSERT_TRUE(heard.reader.result());
        EXPECT_EQ((*heard.reader.result())["data"], "ok");
        EXPECT_TRUE(heard.reader.streamed(1));
        EXPECT_FALSE(heard.reader.streamed(2));
    }
}

TEST(CallReader, RejectsInvalidLines)
{
    Heard heard;
    heard.reader.feed("[]\n{\"stream\":1}\n{\"stream\":{\"base64\":\"***\"}}\n{\"stream\":{\"channel\":-1,"
                      "\"offset\":\"x\",\"base64\":\"YQ==\"}}\n"
                      "{\"result\":7}\n{\"progress\":null}\n");
    EXPECT_THAT(heard.events, ElementsAre("0 a", "progress null"));
    EXPECT_FALSE(heard.reader.result());
    heard.reader.feed(R"({"result":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}\n");
    EXPECT_FALSE(heard.reader.result());
    Heard endless;
    const std::string block(1 << 20, 'x');
    for (int i = 0; i < 70; ++i) endless.reader.feed(block);
    EXPECT_TRUE(endless.reader.overlong());
}

} // namespace
