#include "plugins/docker/service/minecraft.hpp"

#include <gtest/gtest.h>

using namespace agenthost::docker::service;
using Is = MinecraftReader::Is;

namespace {

// A packet as the protocol's description says: length, id 0, the text's length, the text.
std::string status_packet(const std::string& json)
{
    const auto number = [](std::size_t value) {
        std::string out;
        for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
        return out + static_cast<char>(value);
    };
    const std::string packet = std::string(1, '\0') + number(json.size()) + json;
    return number(packet.size()) + packet;
}

const std::string status_json = R"({"version":{"name":"1.20.4","protocol":765},"players":{"max":20,"online":2,
    "sample":[{"name":"alice","id":"1"},{"name":"bob","id":"2"},{"id":"3"}]},"description":{"text":"hi"}})";

TEST(Minecraft, AsksAsTheProtocolSays)
{
    const std::string expected{"\x13\x00\xff\xff\xff\xff\x0f\x09"
                               "127.0.0.1"
                               "\x63\xdd\x01\x01\x00",
                               22};
    EXPECT_EQ(minecraft_request("127.0.0.1", 25565), expected);
}

TEST(Minecraft, ReadsPlayersWhateverThePieces)
{
    const std::string bytes = status_packet(status_json);
    for (std::size_t step : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
        MinecraftReader reader;
        Is is = Is::incomplete;
        for (std::size_t at = 0; at < bytes.size(); at += step) {
            ASSERT_EQ(is, Is::incomplete);
            is = reader.push(std::string_view{bytes}.substr(at, step));
        }
        ASSERT_EQ(is, Is::complete);
        EXPECT_EQ(reader.players(), (Players{2, 20, {"alice", "bob"}}));
    }
}

TEST(Minecraft, RefusesWhatIsNotAnAnswer)
{
    EXPECT_EQ(MinecraftReader{}.push("HTTP/1.1 400 Bad Request\r\n" + std::string(100, 'x')), Is::wrong);
    EXPECT_EQ(MinecraftReader{}.push(status_packet("not json")), Is::wrong);
    EXPECT_EQ(MinecraftReader{}.push("\xff\xff\xff\xff\xff\xff"), Is::wrong);
    EXPECT_EQ(MinecraftReader{}.push("\xff\xff\xff\xff\x07"), Is::wrong) << "2 GiB";
    MinecraftReader endless;
    EXPECT_EQ(endless.push(std::string{"\x80\x80\x10"} + std::string(MinecraftReader::max_answer, 'x')),
              Is::wrong);
}

TEST(Minecraft, BoundsTheAnswer)
{
    std::string sample;
    for (int i = 0; i < 500; ++i) sample += R"({"name":")" + std::string(200, 'n') + R"("},)";
    sample.pop_back();
    MinecraftReader reader;
    ASSERT_EQ(reader.push(
                  status_packet(R"({"players":{"online":-5,"max":99999999999,"sample":[)" + sample + "]}}")),
              Is::complete);
    EXPECT_EQ(reader.players().online, 0);
    EXPECT_EQ(reader.players().max, 1'000'000);
    EXPECT_EQ(reader.players().list.size(), max_names);
    EXPECT_LE(reader.players().list.front().size(), 64u);
}

} // namespace
