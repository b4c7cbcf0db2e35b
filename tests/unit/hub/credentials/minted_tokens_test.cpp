#include "plugins/hub/credentials/minted_tokens.hpp"

#include <gtest/gtest.h>

using namespace agenthost::hub;
using agenthost::base::sha256;

namespace {

TEST(HubMintedTokens, FindsATokenByItsDigestUntilItIsRemoved)
{
    MintedTokens minted;
    minted.put(MintedToken{.id = "t1", .token = sha256("one")});
    minted.put(MintedToken{.id = "t2", .token = sha256("two")});
    ASSERT_NE(minted.find(sha256("two")), nullptr);
    EXPECT_EQ(minted.find(sha256("two"))->id, "t2");
    EXPECT_EQ(minted.find(sha256("three")), nullptr);
    minted.remove_token("t2");
    EXPECT_EQ(minted.find(sha256("two")), nullptr);
    EXPECT_EQ(minted.tokens().size(), 1U);
}

TEST(HubMintedTokens, DeniesOnlyRevokedJwts)
{
    MintedTokens minted;
    minted.put(MintedJwt{.jti = "j1"});
    EXPECT_FALSE(minted.denied("j1"));
    EXPECT_FALSE(minted.denied("j2"));
    minted.put(MintedJwt{.jti = "j1", .revoked = true});
    EXPECT_TRUE(minted.denied("j1"));
    minted.remove_jwt("j1");
    EXPECT_FALSE(minted.denied("j1"));
}

} // namespace
