// Strings escaped sixteen bytes at a time are what one byte at a time gives.
#include "base/json_string.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace agenthost::base;

namespace {

// The length of the character that text begins with, by the table of RFC 3629; 0: none.
std::size_t character(std::string_view text)
{
    const auto in = [&](std::size_t i, int low, int high) {
        return i < text.size() && static_cast<unsigned char>(text[i]) >= low &&
               static_cast<unsigned char>(text[i]) <= high;
    };
    const auto tail = [&](std::size_t i) { return in(i, 0x80, 0xBF); };
    if (in(0, 0x00, 0x7F)) return 1;
    if (in(0, 0xC2, 0xDF) && tail(1)) return 2;
    if (in(0, 0xE0, 0xE0) && in(1, 0xA0, 0xBF) && tail(2)) return 3;
    if (in(0, 0xE1, 0xEC) && tail(1) && tail(2)) return 3;
    if (in(0, 0xED, 0xED) && in(1, 0x80, 0x9F) && tail(2)) return 3;
    if (in(0, 0xEE, 0xEF) && tail(1) && tail(2)) return 3;
    if (in(0, 0xF0, 0xF0) && in(1, 0x90, 0xBF) && tail(2) && tail(3)) return 4;
    if (in(0, 0xF1, 0xF3) && tail(1) && tail(2) && tail(3)) return 4;
    if (in(0, 0xF4, 0xF4) && in(1, 0x80, 0x8F) && tail(2) && tail(3)) return 4;
    return 0;
}

std::string slow(std::string_view text)
{
    std::string out = "\"";
    while (!text.empty()) {
        const char c = text.front();
        const std::size_t length = character(text);
        if (length == 0)
            out += "\xEF\xBF\xBD";
        else if (c == '"' || c == '\\')
            out += std::string{'\\'} + c;
        else if (c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f')
            out += std::string{'\\'} + (c == '\n'   ? 'n'
                                        : c == '\r' ? 'r'
                                        : c == '\t' ? 't'
                                        : c == '\b' ? 'b'
                                                    : 'f');
        else if (length == 1 && c < 0x20) {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
            out += code;
        } else
            out += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out + '"';
}

// From memory of exactly this size, so that a look beyond the end is seen by AddressSanitizer.
std::string fast(std::string_view text)
{
    const std::vector<char> exact(text.begin(), text.end());
    std::string out;
    append_json_string(out, {exact.data(), exact.size()});
    return out;
}

TEST(JsonEscape, EscapesEveryByteAtEveryPosition)
{
    for (std::size_t size = 1; size <= 50; ++size)
        for (std::size_t at = 0; at < size; ++at)
            for (int byte = 0; byte<256; byte += size> 20 ? 5 : 1) {
                std::string text(size, 'a');
                text[at] = static_cast<char>(byte);
                ASSERT_EQ(fast(text), slow(text)) << size << " " << at << " " << byte;
            }
}

TEST(JsonEscape, AgreesWithTheReferenceOnRandomText)
{
    const std::vector<std::string> parts{"a",
                                         "plain text of a line",
                                         std::string(80, 'x') + "\n",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\r\n",
                                         std::string(1, '\0'),
                                         "\x1f",
                                         "\x7f",
                                         "\xC3\xA9",
                                         "\xE2\x82\xAC",
                                         "\xF0\x9F\x98\x80", // whole
                                         "\xC3",
                                         "\xE2\x82",
                                         "\xF0\x9F\x98",
                                         "\x80",
                                         "\xFF",
                                         "\xC0\x80",
                                         "\xE0\x80\x80",
                                         "\xED\xA0\x80",
                                         "\xF4\x90\x80\x80",
                                         "\xF0\x80\x80\x80"};
    std::mt19937_64 random{11};
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (auto n = random() % 40; n > 0; --n) text += parts[random() % parts.size()];
        ASSERT_EQ(fast(text), slow(text));
    }
    for (int i = 0; i < 2'000; ++i) {
        std::string text(random() % 300, '\0');
        for (char& c : text) c = static_cast<char>(random());
        ASSERT_EQ(fast(text), slow(text));
    }
}

// Longer than the pieces it is done in, with a character or nothing but escapes across each seam.
TEST(JsonEscape, EscapesAcrossBlockBoundaries)
{
    for (const std::string_view unit : {"\xF0\x9F\x98\x80", "\x01", "\xFF", "x\xE2\x82\xAC", "\n"})
        for (std::size_t before = 0; before < 20; ++before) {
            std::string text(before, 'b');
            while (text.size() < 5'000) text += unit;
            ASSERT_EQ(fast(text), slow(text)) << before;
        }
    for (std::size_t size = 1'000; size < 1'100; ++size) {
        const std::string text =
            std::string(size, 'p') + "\xE2\x82\xAC" + std::string(size, 'q') + "\xE2\x82";
        ASSERT_EQ(fast(text), slow(text)) << size;
    }
}

TEST(JsonEscape, AppendsToExistingContent)
{
    std::string out = "{\"a\":";
    append_json_string(out, "");
    append_json_string(out, "b");
    EXPECT_EQ(out, "{\"a\":\"\"\"b\"");
}

} // namespace
