// Every golden vector of tests/wire/vectors/<protocol>: read by one end, and where it says so written by the other.
#include "tests/unit/wire/messages.hpp"

#include "tests/support/support.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <filesystem>

using namespace agenthost::wire;
namespace fs = std::filesystem;

namespace {

struct Vector {
    fs::path file;
    Protocol protocol;
};

std::vector<Vector> vectors()
{
    std::vector<Vector> all;
    const fs::path root = fs::path{AGENTHOST_SOURCE_DIR} / "tests/wire/vectors";
    for (const auto& folder : fs::directory_iterator{root}) {
        const auto of = protocol(folder.path().filename().string());
        if (!of) continue;
        for (const auto& entry : fs::directory_iterator{folder}) {
            if (entry.path().extension() == ".json") all.push_back({entry.path(), *of});
        }
    }
    return all;
}

// What is told must be what is meant; of a reason, a part is enough.
void expect_same(Json told, const Json& meant)
{
    if (meant.at("type") == "malformed") {
        ASSERT_EQ(told.at("type"), "malformed") << told;
        EXPECT_NE(told.at("reason").get<std::string>().find(meant.at("reason").get<std::string>()),
                  std::string::npos)
            << told;
        told["reason"] = meant.at("reason");
    }
    EXPECT_EQ(told, meant);
}

class Vectors : public testing::TestWithParam<Vector> {};

TEST_P(Vectors, MeanTheSameAtBothEnds)
{
    const Json vector = Json::parse(agenthost::test::read_file(GetParam().file));
    const std::string frame = vector.at("frame");
    const Json& meaning = vector.at("meaning");
    const auto agent = agent_codec(GetParam().protocol);
    const auto server = server_codec(GetParam().protocol);

    std::string written;
    bool has_words = true;
    if (vector.at("direction") == "server_to_agent") {
        expect_same(describe(agent->decode(frame, vector.value("authenticating", false))), meaning);
        if (!vector.value("written", false)) return;
        Message message = made_of(meaning);
        has_words = meaning.at("type") == "welcome" ? server->encode(message.welcome, written)
                                                    : server->encode(message.command, written);
    } else {
        ASSERT_EQ(vector.at("direction"), "agent_to_server");
        expect_same(describe(server->decode(frame)), meaning);
        if (!vector.value("written", false)) return;
        Message message = made_of(meaning);
        if (meaning.at("type") == "hello")
            written = agent->hello(message.hello);
        else
            has_words = agent->encode(message.result, written);
    }
    EXPECT_TRUE(has_words);
    EXPECT_EQ(written, frame);
}

INSTANTIATE_TEST_SUITE_P(Wire, Vectors, testing::ValuesIn(vectors()), [](const auto& info) {
    return std::string{name(info.param.protocol)} + "_" + info.param.file.stem().string();
});

TEST(Vectors, AreThere) { EXPECT_GT(vectors().size(), 40u); }

} // namespace
