#include "plugins/docker/engine/stdcopy.hpp"
#include "tests/unit/docker_engine/log_frame.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace agenthost::docker::engine;
using agenthost::test::frame;

struct Decoded {
    std::string text;
    std::vector<std::string> frames;
    bool failed = false, between = false;
};

Decoded decode(std::string_view input, std::size_t step)
{
    StdcopyDecoder decoder;
    Decoded out;
    std::string one;
    while (!input.empty() && !decoder.failed()) {
        auto part = input.substr(0, step);
        input.remove_prefix(part.size());
        while (!part.empty() && !decoder.failed()) {
            const auto piece = decoder.step(part);
            part.remove_prefix(piece.taken);
            one += piece.content;
            out.text += piece.content;
            if (piece.ends) {
                out.frames.push_back(std::to_string(static_cast<int>(piece.stream)) + one);
                one.clear();
            }
        }
    }
    out.failed = decoder.failed();
    out.between = decoder.between_frames();
    return out;
}

TEST(Stdcopy, TakesFramesApartWhereverTheBytesAreCut)
{
    const std::string input =
        frame(1, "hello\n") + frame(2, "") + frame(2, "error\n") + frame(1, std::string(300, 'x'));
    for (std::size_t step = 1; step <= input.size(); ++step) {
        const auto out = decode(input, step);
        EXPECT_FALSE(out.failed);
        EXPECT_TRUE(out.between);
        EXPECT_EQ(out.frames,
                  (std::vector<std::string>{"1hello\n", "2", "2error\n", "1" + std::string(300, 'x')}))
            << step;
    }
}

TEST(Stdcopy, RejectsAFrameOfFourGigabytes)
{
    EXPECT_TRUE(decode(std::string{"\x01\x00\x00\x00\xff\xff\xff\xff", 8}, 8).failed);
    EXPECT_TRUE(decode(std::string{"\x01\x00\x00\x00\x01\x00\x00\x01", 8}, 1).failed);
    EXPECT_FALSE(decode(std::string{"\x01\x00\x00\x00\x01\x00\x00\x00", 8}, 1).failed);
}

TEST(Stdcopy, RejectsUnknownStreamsAndRawText)
{
    EXPECT_TRUE(decode(std::string{"\x04\x00\x00\x00\x00\x00\x00\x01", 8}, 8).failed);
    EXPECT_TRUE(decode(std::string{"\x01\x00\x01\x00\x00\x00\x00\x01", 8}, 8).failed);
    EXPECT_TRUE(decode("plain text of a terminal", 5).failed);
}

TEST(Stdcopy, KnowsThatItEndsInsideOfAFrame)
{
    const auto whole = frame(1, "hello");
    for (std::size_t size = 1; size < whole.size(); ++size)
        EXPECT_FALSE(decode(whole.substr(0, size), 3).between) << size;
    EXPECT_TRUE(decode(whole, 3).between);
}

} // namespace
