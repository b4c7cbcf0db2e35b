#include "host/net/cork.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

namespace agenthost::test {
namespace {

using host::net::block_size;
using host::net::Cork;
using host::net::MaskKey;

std::size_t fill(Cork& cork, std::string_view bytes, const MaskKey* mask = nullptr)
{
    std::size_t done = 0;
    while (done < bytes.size()) {
        const std::size_t n = cork.append(bytes, done, mask);
        if (n == 0) break;
        done += n;
    }
    return done;
}

std::string all(const Cork& cork)
{
    Cork::Pieces pieces;
    std::string bytes;
    for (std::size_t i = 0, n = cork.gather(pieces); i < n; ++i)
        bytes.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
    return bytes;
}

TEST(CorkTest, TakesFourBlocksAndNoMore)
{
    Cork cork;
    EXPECT_EQ(cork.free_space(), Cork::max_bytes);
    const std::string bytes = random_bytes(Cork::max_bytes + 1, 1);
    EXPECT_EQ(fill(cork, bytes), Cork::max_bytes);
    EXPECT_EQ(cork.free_space(), 0U);
    EXPECT_EQ(cork.size(), Cork::max_bytes);
    EXPECT_TRUE(all(cork) == bytes.substr(0, Cork::max_bytes));
}

TEST(CorkTest, GivesBlocksBackAsTheyAreSent)
{
    Cork cork;
    const std::string bytes = random_bytes(3 * block_size, 2);
    ASSERT_EQ(fill(cork, bytes), bytes.size());
    cork.drop(block_size - 1);
    EXPECT_EQ(cork.free_space(), block_size) << "the first block still holds a byte";
    EXPECT_EQ(cork.front(), bytes.substr(block_size - 1, 1));
    cork.drop(2);
    EXPECT_EQ(cork.free_space(), 2 * block_size);
    // Around the end of the ring.
    const std::string more = random_bytes(2 * block_size, 3);
    ASSERT_EQ(fill(cork, more), more.size());
    EXPECT_TRUE(all(cork) == bytes.substr(block_size + 1) + more);
    cork.drop(cork.size());
    EXPECT_EQ(cork.free_space(), Cork::max_bytes);
    EXPECT_EQ(all(cork), "");
}

TEST(CorkTest, MasksAcrossBlocks)
{
    Cork cork;
    ASSERT_EQ(fill(cork, std::string(block_size - 3, 'x')), block_size - 3);
    const MaskKey key{1, 2, 3, 4};
    const std::string bytes = random_bytes(1000, 4);
    ASSERT_EQ(fill(cork, bytes, &key), bytes.size());
    std::string masked = bytes;
    for (std::size_t i = 0; i < masked.size(); ++i)
        masked[i] = static_cast<char>(static_cast<unsigned char>(masked[i]) ^ key[i % key.size()]);
    EXPECT_TRUE(all(cork).substr(block_size - 3) == masked);
}

} // namespace
} // namespace agenthost::test
