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
    EXPECT_TRUE(equal_constant_time("same", "same"));
    EXPECT_FALSE(equal_constant_time("same", "sane"));
    EXPECT_NE(base::random_token(), base::random_token());
}

TEST(Hash, SignsByHmac)
{
    // The vector of the signed protocol's notes.
    EXPECT_EQ(
        hex(hmac_sha256(
            "testsecret",
            R"({"type":"auth","agentId":"test-agent","ts":1731819422000,"nonce":"550e8400-e29b-41d4-a716-446655440000","payload":{"hostname":"test-server","version":"1.0.0"}})")),
        "bff4b9e5e426d4bcecc8985c2ec59865e6d3458f9cbe7b8ba3be167b803562d2");
}

} // namespace
} // namespace agenthost::base
