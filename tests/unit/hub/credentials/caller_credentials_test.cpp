#include "plugins/hub/credentials/caller_credentials.hpp"
#include "tests/unit/hub/credentials/time_of_test.hpp"

#include <gtest/gtest.h>

using namespace agenthost::hub;
using agenthost::base::sha256;
using agenthost::hub_test::now;

namespace {

struct CallerCredentialsTest : testing::Test {
    CallerCredentialsTest() { agents.set_jwt(jwt); }
    std::string token(const Claims& claims) const { return jwt->sign(claims); }
    static Claims claims(Role role, const std::string& jti = "j1")
    {
        return {.sub = "a", .role = role, .iat = now / 1000, .exp = now / 1000 + 60, .jti = jti};
    }
    std::string why;
    std::shared_ptr<const Jwt> jwt = Jwt::of_secret(std::string(32, 's'), why);
    Enrolments enrolments;
    MintedTokens minted;
    AgentCredentials agents{enrolments, minted};
    CallerCredentials c{minted, agents};
};

TEST_F(CallerCredentialsTest, RefusesUnknownBearerTokens)
{
    agents.set_jwt(nullptr);
    EXPECT_FALSE(c.caller("", now)) << "no admin token is not an empty one";
    EXPECT_FALSE(c.caller("x", now));
    c.set_admin(sha256("admin"));
    minted.put(MintedToken{.id = "t1", .token = sha256("minted")});
    EXPECT_EQ(c.caller("admin", now)->role, Role::admin);
    EXPECT_EQ(c.caller("minted", now)->role, Role::admin);
    EXPECT_EQ(c.caller("minted", now)->subject, "t1");
    EXPECT_FALSE(c.caller("admi", now));
    minted.remove_token("t1");
    EXPECT_FALSE(c.caller("minted", now));
}

TEST_F(CallerCredentialsTest, CallersHaveTheRoleAndAgentsOfTheirClaims)
{
    Claims limited = claims(Role::dashboard);
    limited.agents = {"a", "b"};
    const auto caller = c.caller(token(limited), now);
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->role, Role::dashboard);
    EXPECT_TRUE(caller->sees("a"));
    EXPECT_FALSE(caller->sees("c"));
    EXPECT_TRUE(c.caller(token(claims(Role::dashboard)), now)->sees("c"));
    EXPECT_TRUE(c.caller(token(claims(Role::admin)), now)->sees("c"));
    EXPECT_EQ(c.caller(token(claims(Role::agent)), now)->role, Role::agent);
    EXPECT_FALSE(c.caller(token(claims(Role::admin)), now + 61'000));
}

TEST_F(CallerCredentialsTest, RefusesARevokedJwt)
{
    minted.put(MintedJwt{.jti = "j1", .revoked = true});
    EXPECT_FALSE(c.caller(token(claims(Role::admin)), now));
    EXPECT_TRUE(c.caller(token(claims(Role::admin, "j2")), now));
}

TEST_F(CallerCredentialsTest, OnlyTheEnrollTokenRegistersIfOneIsConfigured)
{
    c.set_admin(sha256("admin"));
    EXPECT_TRUE(c.may_register("admin", now));
    EXPECT_TRUE(c.may_register(token(claims(Role::admin)), now));
    EXPECT_FALSE(c.may_register(token(claims(Role::dashboard)), now));
    EXPECT_FALSE(c.may_register("", now));
    c.set_enroll_token(sha256("enroll"));
    EXPECT_TRUE(c.may_register("enroll", now));
    EXPECT_FALSE(c.may_register("admin", now));
    EXPECT_FALSE(c.may_register(token(claims(Role::admin)), now));
    EXPECT_FALSE(c.may_register("", now));
    EXPECT_FALSE(c.caller("enroll", now)) << "it is good for nothing else";
}

TEST_F(CallerCredentialsTest, RefusesTheJwtOfARevokedAgent)
{
    EXPECT_TRUE(c.caller(token(claims(Role::agent)), now));
    enrolments.put(Enrolment{.id = "a", .revoked = true});
    EXPECT_FALSE(c.caller(token(claims(Role::agent)), now));
    EXPECT_TRUE(c.caller(token(claims(Role::dashboard)), now)) << "only agents are revoked by id";
}

} // namespace
