#include "plugins/hub/credentials/agent_credentials.hpp"

#include "tests/support/support.hpp"
#include "tests/unit/hub/credentials/time_of_test.hpp"

#include <gtest/gtest.h>

#include <filesystem>

using namespace agenthost::hub;
using agenthost::base::sha256;
using agenthost::hub_test::now;

namespace {

ListedAgents listed(const std::string& id, const std::string& secret)
{
    return {{id, {secret, sha256(secret)}}};
}
Enrolment minted(const std::string& id, const std::string& secret)
{
    return {.id = id, .secret = sha256(secret)};
}
bool may(const AgentCredentials& c, std::string_view id, std::string_view secret)
{
    return c.admits(id, Proof::by_secret(secret), now);
}

struct AgentCredentialsTest : testing::Test {
    AgentCredentialsTest() { c.set_jwt(jwt); }
    std::string token(const Claims& claims) const { return jwt->sign(claims); }
    static Claims claims(Role role, const std::string& jti = "j1")
    {
        return {.sub = "a", .role = role, .iat = now / 1000, .exp = now / 1000 + 60, .jti = jti};
    }
    std::string why;
    std::shared_ptr<const Jwt> jwt = Jwt::of_secret(std::string(32, 's'), why);
    Enrolments enrolments;
    MintedTokens minted_tokens;
    AgentCredentials c{enrolments, minted_tokens};
};

TEST_F(AgentCredentialsTest, AdmitsOnlyByFileOrMintedSecret)
{
    c.set_listed(listed("listed", "file-token"));
    enrolments.put(minted("minted", "minted-token"));
    EXPECT_TRUE(may(c, "listed", "file-token"));
    EXPECT_TRUE(may(c, "minted", "minted-token"));
    EXPECT_FALSE(may(c, "listed", "minted-token"));
    EXPECT_FALSE(may(c, "minted", "file-token"));
    EXPECT_FALSE(may(c, "nobody", "file-token"));
    EXPECT_FALSE(may(c, "listed", ""));
    EXPECT_TRUE(c.knows("listed"));
    EXPECT_FALSE(c.knows("nobody"));
}

TEST_F(AgentCredentialsTest, AnAgentWithOnlyAJwtHasNoSecret)
{
    enrolments.put(Enrolment{.id = "a", .jwt = true});
    EXPECT_FALSE(may(c, "a", ""));
    EXPECT_FALSE(c.admits("a", Proof{.kind = Proof::Kind::secret}, now));
    EXPECT_FALSE(c.secret_of("a"));
}

TEST_F(AgentCredentialsTest, ARevocationOverridesTheFile)
{
    c.set_listed(listed("a", "file-token"));
    enrolments.put(Enrolment{.id = "a", .revoked = true});
    EXPECT_FALSE(may(c, "a", "file-token"));
    EXPECT_FALSE(c.knows("a"));
    EXPECT_FALSE(c.secret_of("a"));
    enrolments.put(minted("a", "new-token"));
    EXPECT_TRUE(may(c, "a", "new-token"));
    EXPECT_TRUE(may(c, "a", "file-token"));
}

TEST_F(AgentCredentialsTest, TrustsShopsOnlyIfConfiguredAndTheyHaveNoSecret)
{
    EXPECT_FALSE(c.admits("shop", Proof{}, now));
    c.trust_shops(true);
    EXPECT_TRUE(c.admits("shop", Proof{}, now));
    c.set_listed(listed("shop", "file-token"));
    EXPECT_FALSE(c.admits("shop", Proof{}, now)) << "the file asks for its secret";
    c.set_listed({});
    enrolments.put(Enrolment{.id = "shop", .revoked = true});
    EXPECT_FALSE(c.admits("shop", Proof{}, now));
}

TEST_F(AgentCredentialsTest, DerivesAMintedSecretAgainFromTheRootKey)
{
    const agenthost::test::TempDir dir;
    const RootKey root{(dir / "hub.db.key").string()};
    c.set_root(&root);
    const std::string secret = c.derived_secret("a", "salt");
    enrolments.put(Enrolment{.id = "a", .secret = sha256(secret), .salt = "salt"});
    EXPECT_EQ(c.secret_of("a"), secret);
    EXPECT_NE(c.derived_secret("a", "salt2"), secret);
    EXPECT_NE(c.derived_secret("b", "salt"), secret);
    const RootKey again{(dir / "hub.db.key").string()};
    c.set_root(&again);
    EXPECT_EQ(c.secret_of("a"), secret) << "after a restart";
    std::filesystem::remove(dir / "hub.db.key");
    const RootKey other{(dir / "hub.db.key").string()};
    c.set_root(&other);
    EXPECT_FALSE(c.secret_of("a")) << "another key makes another secret, which is not the agent's";
    EXPECT_TRUE(may(c, "a", secret)) << "its digest is still known";
}

TEST_F(AgentCredentialsTest, ReturnsTheFilesSecretForSignedFrames)
{
    c.set_listed(listed("a", "file-token"));
    EXPECT_EQ(c.secret_of("a"), "file-token");
    EXPECT_FALSE(c.secret_of("b"));
}

TEST_F(AgentCredentialsTest, AdmitsAJwtUntilItExpiresOrIsReplacedOrItsAgentIsRevoked)
{
    const auto found = c.by_jwt(token(claims(Role::agent)), now, why);
    ASSERT_TRUE(found) << why;
    const auto& [agent, proof] = *found;
    EXPECT_EQ(agent, "a");
    EXPECT_TRUE(c.admits("a", proof, now + 59'000));
    EXPECT_FALSE(c.admits("a", proof, now + 60'000)) << "expired";
    enrolments.put(Enrolment{.id = "a", .valid_from = now / 1000});
    EXPECT_TRUE(c.admits("a", proof, now));
    enrolments.put(Enrolment{.id = "a", .valid_from = now / 1000 + 1});
    EXPECT_FALSE(c.admits("a", proof, now)) << "replaced";
    enrolments.put(Enrolment{.id = "a", .revoked = true});
    EXPECT_FALSE(c.admits("a", proof, now));
    enrolments.remove("a");
    EXPECT_TRUE(c.admits("a", proof, now));
    c.set_jwt(Jwt::of_secret(std::string(32, 't'), why));
    EXPECT_FALSE(c.admits("a", proof, now)) << "another key";
}

TEST_F(AgentCredentialsTest, RefusesAgentsWithTheTokenOfAnotherRole)
{
    for (const Role role : {Role::dashboard, Role::admin})
        EXPECT_FALSE(c.by_jwt(token(claims(role)), now, why)) << to_string(role);
    EXPECT_EQ(why, "its role is not agent");
}

TEST_F(AgentCredentialsTest, RefusesARevokedJwt)
{
    minted_tokens.put(MintedJwt{.jti = "j1", .revoked = true});
    EXPECT_FALSE(c.by_jwt(token(claims(Role::agent)), now, why));
    EXPECT_TRUE(c.by_jwt(token(claims(Role::agent, "j2")), now, why));
}

TEST_F(AgentCredentialsTest, TrustsNoShopWithAReservedId)
{
    c.trust_shops(true);
    enrolments.reserve("shop");
    EXPECT_FALSE(c.admits("shop", Proof{}, now));
    enrolments.release("shop");
    EXPECT_TRUE(c.admits("shop", Proof{}, now));
}

TEST_F(AgentCredentialsTest, RejectsJwtsThatWereIssuedBeforeTheMergedRevocations)
{
    const auto old = c.by_jwt(token(claims(Role::agent)), now, why);
    ASSERT_TRUE(old) << why;
    enrolments.put(Enrolment{.id = "", .valid_from = now / 1000 + 1});
    EXPECT_FALSE(c.admits("a", old->second, now));
    enrolments.put(Enrolment{.id = "a", .jwt = true});
    EXPECT_TRUE(c.admits("a", old->second, now)) << "its own row decides";
}

} // namespace
