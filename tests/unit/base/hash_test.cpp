#include "base/hash.hpp"

#include <gtest/gtest.h>

namespace agenthost::base {
namespace {

TEST(Hash, MatchesThePublishedVectors)
{
    EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    Sha256 hash;
    hash.update("a");
    hash.update("bc");
    EXPECT_EQ(hex(hash.finish()), hex(sha256("abc")));
    EXPECT_EQ(hex(hash.finish()), hex(sha256(""))); // starts over
    EXPECT_EQ(from_base64(base64("any carnal pleas")), "any carnal pleas");
    EXPECT_FALSE(from_base64("a"));
    EXPECT_TRUE(equal_constant_time("same", "same"));
    EXPECT_FALSE(equal_constant_time("same", "sane"));
    EXPECT_NE(base::random_token(), base::random_token());
}

} // namespace
} // namespace agenthost::base
