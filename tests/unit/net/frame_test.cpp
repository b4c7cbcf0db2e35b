// Frames masked many bytes at a time are what one byte at a time gives.
#include "host/net/frame.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace agenthost::test {
namespace {

using namespace host::net;

TEST(Frame, MasksEveryLengthFromEveryPlace)
{
    const MaskKey key{0x12, 0x00, 0xFF, 0x8B};
    const std::string text = random_bytes(400, 3);
    for (std::size_t size = 0; size <= 300; ++size)
        for (std::size_t at = 0; at < 6; ++at)
            for (std::size_t shift = 0; shift < 3; ++shift) { // of the memory it goes to
                // Memory of exactly this size, for AddressSanitizer.
                const std::vector<char> from(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
                std::vector<char> to(size + shift), slow(size);
                for (std::size_t i = 0; i < size; ++i)
                    slow[i] = static_cast<char>(static_cast<unsigned char>(from[i]) ^ key[(at + i) % 4]);
                copy_masked(to.data() + shift, from.data(), size, key, at);
                ASSERT_TRUE(
                    std::equal(slow.begin(), slow.end(), to.begin() + static_cast<std::ptrdiff_t>(shift)))
                    << size << " " << at << " " << shift;
                std::vector<char> same = from;
                copy_masked(same.data(), same.data(), size, key, at);
                ASSERT_TRUE(same == slow) << size << " " << at;
            }
}

TEST(Frame, FindsAByteThatIsNotAsciiAtEveryPlace)
{
    const MaskKey key{0x92, 0x00, 0xFF, 0x8B};
    for (std::size_t size = 0; size <= 150; ++size) {
        for (std::size_t at = 0; at < 4; ++at) {
            const std::string text(size, '\x7F');
            std::string masked = text;
            copy_masked(masked.data(), masked.data(), size, key, at);
            std::string back(size, '\0');
            ASSERT_TRUE(copy_masked(back.data(), masked.data(), size, key, at)) << size << " " << at;
            ASSERT_EQ(back, text);
            for (char& byte : masked) {
                byte = static_cast<char>(byte ^ 0x80);
                ASSERT_FALSE(copy_masked(back.data(), masked.data(), size, key, at)) << size << " " << at;
                byte = static_cast<char>(byte ^ 0x80);
            }
        }
    }
}

TEST(Frame, SaysItsLengthAsTheStandardDoes)
{
    const MaskKey key{1, 2, 3, 4};
    const auto head = [&](std::size_t size) {
        return std::string{FrameHead{Opcode::text, size, &key}.view()};
    };
    using namespace std::string_literals;
    EXPECT_EQ(head(0), "\x81\x80\1\2\3\4"s);
    EXPECT_EQ(head(125), "\x81\xFD\1\2\3\4"s);
    EXPECT_EQ(head(126), "\x81\xFE\0\x7E\1\2\3\4"s);
    EXPECT_EQ(head(65'535), "\x81\xFE\xFF\xFF\1\2\3\4"s);
    EXPECT_EQ(head(65'536), "\x81\xFF\0\0\0\0\0\1\0\0\1\2\3\4"s);
}

TEST(Frame, HasAKeyOfItsOwn)
{
    MaskKeys keys;
    std::set<MaskKey> all;
    for (int i = 0; i < 1'000; ++i) all.insert(keys.next());
    EXPECT_GE(all.size(), 990u);
}

} // namespace
} // namespace agenthost::test
