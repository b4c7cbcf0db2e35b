#include "plugins/hub/credentials/jwt.hpp"

#include "tests/unit/hub/node_jwt.hpp"

#include <gmock/gmock.h>

using namespace agenthost::hub;
using namespace agenthost::hub_test;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

namespace {

constexpr std::int64_t now_seconds = 1'800'000'000;
const std::string secret = "0123456789abcdef0123456789abcdef-of-the-test";

json claims_of(const std::string& role = "agent")
{
    return {{"sub", "node-01"},
            {"role", role},
            {"iat", now_seconds - 10},
            {"exp", now_seconds + 60},
            {"jti", "j1"}};
}

std::shared_ptr<const Jwt> shared_secret()
{
    std::string why;
    auto jwt = Jwt::of_secret(secret, why);
    EXPECT_TRUE(jwt) << why;
    return jwt;
}

std::string refusal(const Jwt& jwt, const std::string& token)
{
    std::string why;
    return jwt.verify(token, now_seconds, why) ? "accepted" : why;
}

// The hub's verdict on a token that node created.
std::string refusal(const json& claims)
{
    return refusal(*shared_secret(), node_sign("HS256", secret, claims));
}

TEST(HubJwt, AcceptsWhatNodeSignedWithEachAlgorithm)
{
    for (const auto& [alg, kind] :
         {std::pair{"HS256", ""}, std::pair{"RS256", "rsa"}, std::pair{"ES256", "ec"}}) {
        std::string why;
        const KeyPair pair = *kind != '\0' ? node_key(kind) : KeyPair{secret, secret};
        const auto jwt = *kind != '\0' ? Jwt::of_private_key(pair.secret, why) : Jwt::of_secret(secret, why);
        ASSERT_TRUE(jwt) << why;
        EXPECT_EQ(jwt->algorithm(), alg);
        json claims = claims_of("dashboard");
        claims["agents"] = {"a", "b"};
        const auto read = jwt->verify(node_sign(alg, pair.secret, claims), now_seconds, why);
        ASSERT_TRUE(read) << alg << ": " << why;
        EXPECT_EQ(read->sub, "node-01");
        EXPECT_EQ(read->role, Role::dashboard);
        EXPECT_EQ(read->jti, "j1");
        EXPECT_EQ(read->iat, now_seconds - 10);
        EXPECT_EQ(read->exp, now_seconds + 60);
        EXPECT_EQ(read->agents, (std::vector<std::string>{"a", "b"}));
    }
}

TEST(HubJwt, NodeAcceptsWhatTheHubSignsWithEachAlgorithm)
{
    for (const auto& [alg, kind] :
         {std::pair{"HS256", ""}, std::pair{"RS256", "rsa"}, std::pair{"ES256", "ec"}}) {
        std::string why;
        const KeyPair pair = *kind != '\0' ? node_key(kind) : KeyPair{secret, secret};
        const auto jwt = *kind != '\0' ? Jwt::of_private_key(pair.secret, why) : Jwt::of_secret(secret, why);
        ASSERT_TRUE(jwt) << why;
        const std::string token = jwt->sign({.sub = "täst \"x\"",
                                             .role = Role::dashboard,
                                             .agents = std::vector<std::string>{"a"},
                                             .iat = now_seconds,
                                             .exp = now_seconds + 5,
                                             .jti = "j"});
        const std::string checked = node_jwt("check", {{"alg", alg}, {"key", pair.open}, {"token", token}});
        ASSERT_NE(checked, "") << alg;
        const json read = json::parse(checked);
        EXPECT_EQ(read["header"]["alg"], alg);
        EXPECT_EQ(read["claims"], (json{{"sub", "täst \"x\""},
                                        {"role", "dashboard"},
                                        {"agents", {"a"}},
                                        {"iat", now_seconds},
                                        {"exp", now_seconds + 5},
                                        {"jti", "j"}}));
        EXPECT_TRUE(jwt->verify(token, now_seconds, why)) << why;
    }
}

TEST(HubJwt, TheKeyDecidesTheAlgorithmAndNotTheToken)
{
    const KeyPair rsa = node_key("rsa"), ec = node_key("ec");
    std::string why;
    const auto by_rsa = Jwt::of_private_key(rsa.secret, why), by_ec = Jwt::of_private_key(ec.secret, why);
    const auto by_secret = shared_secret();
    ASSERT_TRUE(by_rsa && by_ec);
    // The classic attack: the public key, used as an HMAC secret.
    EXPECT_EQ(refusal(*by_rsa, node_sign("HS256", rsa.open, claims_of())), "signed with another algorithm");
    EXPECT_EQ(refusal(*by_ec, node_sign("HS256", ec.open, claims_of())), "signed with another algorithm");
    EXPECT_EQ(refusal(*by_secret, node_sign("RS256", rsa.secret, claims_of())),
              "signed with another algorithm");
    EXPECT_EQ(refusal(*by_ec, node_sign("RS256", rsa.secret, claims_of())), "signed with another algorithm");
    // A header with another algorithm than the signature's.
    EXPECT_EQ(refusal(*by_rsa, node_sign("HS256", rsa.open, claims_of(), {{"alg", "RS256"}})),
              "wrong signature");
    EXPECT_EQ(refusal(*by_secret, node_sign("RS256", rsa.secret, claims_of(), {{"alg", "HS256"}})),
              "wrong signature");
    for (const char* none : {"none", "None", "NONE", "nOnE"}) {
        for (const auto& jwt : {by_rsa, by_ec, by_secret}) {
            EXPECT_NE(refusal(*jwt, node_sign("none", "", claims_of(), {{"alg", none}})), "accepted") << none;
        }
    }
    EXPECT_NE(refusal(*by_secret, node_sign("HS256", secret, claims_of(), {{"alg", "HS512"}})), "accepted");
    EXPECT_NE(refusal(*by_secret, node_sign("HS256", secret, claims_of(), {{"typ", "JWT"}})), "accepted");
    EXPECT_NE(
        refusal(*by_secret, node_sign("HS256", secret, claims_of(), {{"alg", "HS256"}, {"crit", {"b64"}}})),
        "accepted");
}

TEST(HubJwt, RefusesOtherKeysAndChangedTokens)
{
    const auto jwt = shared_secret();
    const std::string good = node_sign("HS256", secret, claims_of());
    ASSERT_EQ(refusal(*jwt, good), "accepted");
    EXPECT_EQ(refusal(*jwt, node_sign("HS256", secret + "x", claims_of())), "wrong signature");
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string changed = good;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        // The last digit of a signature has unused bits; only one encoding is accepted.
        EXPECT_NE(refusal(*jwt, changed), "accepted") << at;
    }
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_NE(refusal(*jwt, good.substr(0, size)), "accepted") << size;
    for (const std::string& odd :
         {std::string{}, std::string{"."}, std::string{".."}, std::string{"..."}, good + ".", "." + good,
          good + "=", good + std::string("\0", 1), good + " ", "Bearer " + good, good + "." + good}) {
        EXPECT_NE(refusal(*jwt, odd), "accepted") << odd;
    }
}

TEST(HubJwt, RefusesLargeTokensWithoutParsingThem)
{
    const auto jwt = shared_secret();
    json claims = claims_of();
    claims["more"] = std::string(4'000, 'x');
    EXPECT_EQ(refusal(*jwt, node_sign("HS256", secret, claims)), "accepted");
    claims["more"] = std::string(8'000, 'x');
    EXPECT_EQ(refusal(*jwt, node_sign("HS256", secret, claims)), "not a token");
}

TEST(HubJwt, AnExpiryIsRequiredAndEnforced)
{
    const auto with_exp = [](json exp) {
        json claims = claims_of();
        claims["exp"] = std::move(exp);
        return claims;
    };
    EXPECT_EQ(refusal(with_exp(now_seconds + 1)), "accepted");
    EXPECT_EQ(refusal(with_exp(now_seconds)), "expired");
    EXPECT_EQ(refusal(with_exp(now_seconds - 1)), "expired");
    EXPECT_EQ(refusal(with_exp(now_seconds + 0.5)), "expired"); // whole seconds
    EXPECT_EQ(refusal(with_exp(nullptr)), "no usable claim \"exp\"");
    EXPECT_EQ(refusal(with_exp(std::to_string(now_seconds + 60))), "no usable claim \"exp\"");
    EXPECT_EQ(refusal(with_exp(-5)), "no usable claim \"exp\"");
    EXPECT_EQ(refusal(with_exp(1e300)), "no usable claim \"exp\"");
    json claims = claims_of();
    claims.erase("exp");
    EXPECT_EQ(refusal(claims), "no usable claim \"exp\"");
    claims = claims_of();
    claims["nbf"] = now_seconds + 5;
    EXPECT_EQ(refusal(claims), "not valid yet");
    claims["nbf"] = now_seconds;
    EXPECT_EQ(refusal(claims), "accepted");
}

TEST(HubJwt, RefusesClaimsOfAnotherType)
{
    const auto with = [](const char* name, json value) {
        json claims = claims_of();
        claims[name] = std::move(value);
        return claims;
    };
    EXPECT_EQ(refusal(with("role", "root")), "\"role\" is neither agent, dashboard nor admin");
    EXPECT_EQ(refusal(with("role", {"admin"})), "no usable claim \"role\"");
    EXPECT_EQ(refusal(with("sub", "")), "no usable claim \"sub\"");
    EXPECT_EQ(refusal(with("sub", 7)), "no usable claim \"sub\"");
    EXPECT_NE(refusal(with("sub", std::string("a\0b", 3))), "accepted");
    EXPECT_EQ(refusal(with("sub", std::string(300, 'x'))), "no usable claim \"sub\"");
    EXPECT_EQ(refusal(with("iat", "yesterday")), "\"iat\" is not a time");
    EXPECT_EQ(refusal(with("jti", json::array())), "\"jti\" is not an id");
    EXPECT_EQ(refusal(with("agents", "a,b")), "\"agents\" is not a list of ids");
    EXPECT_EQ(refusal(with("agents", {1, 2})), "\"agents\" is not a list of ids");
    EXPECT_EQ(refusal(with("agents", nullptr)), "\"agents\" is not a list of ids") << "null is not everybody";
    EXPECT_EQ(refusal(with("agents", json::array())), "accepted");
    EXPECT_EQ(refusal(with("something", {{"else", true}})), "accepted");
    for (const char* text : {"[]", "7", "null", "{", "\"x\"", ""})
        EXPECT_NE(refusal(*shared_secret(), node_sign("HS256", secret, json(text))), "accepted") << text;
}

TEST(HubJwt, AnEmptyListOfAgentsIsNotAllOfThem)
{
    json claims = claims_of("dashboard");
    claims["agents"] = json::array();
    std::string why;
    const auto read = shared_secret()->verify(node_sign("HS256", secret, claims), now_seconds, why);
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->agents && read->agents->empty());
}

TEST(HubJwt, WeakOrForeignKeysAreRefusedWithARemedy)
{
    std::string why;
    EXPECT_FALSE(Jwt::of_secret("too short", why));
    EXPECT_THAT(why, HasSubstr("openssl rand -hex 32"));
    for (const char* kind : {"rsa1024", "ec384", "ed"}) {
        why.clear();
        EXPECT_FALSE(Jwt::of_private_key(node_key(kind).secret, why)) << kind;
        EXPECT_THAT(why, HasSubstr("P-256")) << kind;
    }
    for (const std::string& text : {std::string{}, std::string{"no key"}, node_key("rsa").open}) {
        why.clear();
        EXPECT_FALSE(Jwt::of_private_key(text, why));
        EXPECT_THAT(why, HasSubstr("openssl genpkey"));
    }
}

TEST(HubJwt, FingerprintsDistinguishKeys)
{
    std::string why;
    EXPECT_EQ(shared_secret()->fingerprint(), shared_secret()->fingerprint());
    EXPECT_NE(shared_secret()->fingerprint(), Jwt::of_secret(secret + "x", why)->fingerprint());
    EXPECT_THAT(shared_secret()->fingerprint(), Not(HasSubstr(secret.substr(0, 8))));
}

} // namespace
