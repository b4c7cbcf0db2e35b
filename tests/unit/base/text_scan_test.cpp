// Many bytes at a time find what one at a time finds.
#include "base/text_scan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

using namespace agenthost::base;

namespace {

std::size_t slow_plain(std::string_view text)
{
    const auto special = [](unsigned char c) { return c < 0x20 || c >= 0x80 || c == '"' || c == '\\'; };
    return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), special) - text.begin());
}
std::size_t slow_ascii(std::string_view text)
{
    const auto special = [](unsigned char c) { return c >= 0x80; };
    return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), special) - text.begin());
}

TEST(Scan, FindsEveryByteAtEveryPosition)
{
    for (std::size_t size = 0; size <= 41; ++size)
        for (std::size_t at = 0; at < size; ++at)
            for (int byte = 0; byte<256; byte += size> 25 ? 3 : 1) {
                std::string text(size, 'a');
                text[at] = static_cast<char>(byte);
                ASSERT_EQ(plain_run(text), slow_plain(text)) << size << " " << at << " " << byte;
                ASSERT_EQ(ascii_run(text), slow_ascii(text)) << size << " " << at << " " << byte;
            }
}

TEST(Scan, AgreesWithTheReferenceOnRandomBytes)
{
    std::mt19937_64 random{7};
    for (int i = 0; i < 200'000; ++i) {
        std::string text(random() % 60, '\0');
        // Mostly neighbours of the limits, so that borrows between bytes would show.
        constexpr std::string_view edges = "\x01\x02\x1f\x20\x21\"#[\\]\x7e\x7f\x80\x81\xff"
                                           "aaaaaaaaaaaaaaaa";
        for (char& c : text) c = edges[random() % edges.size()];
        ASSERT_EQ(plain_run(text), slow_plain(text));
        ASSERT_EQ(ascii_run(text), slow_ascii(text));
    }
}

} // namespace
