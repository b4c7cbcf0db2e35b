#include "plugins/hub/credentials/credentials.hpp"

#include "plugins/hub/core/config.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

using namespace agenthost::hub;
using agenthost::base::sha256;
using testing::HasSubstr;
using testing::Not;

namespace {

std::string problem_of(const std::string& yaml)
{
    std::string why;
    EXPECT_FALSE(parse_credentials(yaml, "hub-agents.yaml", why)) << yaml;
    return why;
}

TEST(HubCredentials, ReadsAgents)
{
    std::string why;
    const auto listed = parse_credentials(
        "agents:\n  - {id: node-01, secret: \"correct horse\"}\n  - {id: n2, secret: 12345678}\n", "f", why);
    ASSERT_TRUE(listed) << why;
    EXPECT_EQ(listed->at("node-01").digest, sha256("correct horse"));
    EXPECT_EQ(listed->at("node-01").secret, "correct horse") << "signed frames need it whole";
    EXPECT_EQ(listed->at("n2").digest, sha256("12345678"));
    EXPECT_TRUE(parse_credentials("", "f", why)) << "an empty file lists nobody";
}

TEST(HubCredentials, ReportsWhereAndHowToFix)
{
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: long enough}\n  - {id: a, secret: long enough}\n"),
                HasSubstr("hub-agents.yaml:3: a is listed twice"));
    EXPECT_THAT(problem_of("agents:\n  - {id: a}\n"), HasSubstr("hub-agents.yaml:2: an agent needs"));
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: short}\n"), HasSubstr("openssl rand -hex 32"));
    EXPECT_THAT(problem_of("agents:\n  - {id: \"a/b\", secret: long enough}\n"), HasSubstr("slash"));
    EXPECT_THAT(problem_of("agents: 5\n"), HasSubstr("agents: [{id: node-01"));
    EXPECT_THAT(problem_of("just text"), HasSubstr("agents: [{id: node-01"));
}

TEST(HubCredentials, NeverReportsASecret)
{
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: \"hunter2hunter2\n"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: hunter2}\n"), Not(HasSubstr("hunter2")));
    EXPECT_THAT(problem_of("agents:\n  - {id: a, secret: [hunter2hunter2]}\n"), Not(HasSubstr("hunter2")));
}

TEST(HubCredentials, RefusesAFileThatOthersCanRead)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "agents.yaml").string();
    for (const int mode : {0604, 0620, 0666, 0640}) {
        agenthost::test::write_file(path, "agents: []\n", 0600);
        ASSERT_EQ(::chmod(path.c_str(), static_cast<mode_t>(mode)), 0);
        std::string why;
        const bool read = read_credentials_file(path, why).has_value();
        EXPECT_EQ(read, mode == 0640) << std::oct << mode; // a group may be let in to read: root:agenthost
        if (mode != 0640) {
            EXPECT_THAT(why, HasSubstr("chmod 0600 " + path));
        }
    }
}

TEST(HubCredentials, AreReadByTheOneReaderOfSecrets)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "token").string();
    std::string why;
    agenthost::test::write_file(path, " s3cret \r\n", 0600);
    EXPECT_EQ(read_secret({Secret::Kind::file, path}, why), " s3cret ");
    agenthost::test::write_file(path, "one\ntwo\n", 0600);
    EXPECT_FALSE(read_secret({Secret::Kind::file, path}, why));
    EXPECT_THAT(why, HasSubstr("2 lines"));
    agenthost::test::write_file(path, "\n", 0600);
    EXPECT_FALSE(read_secret({Secret::Kind::file, path}, why));
    EXPECT_THAT(why, HasSubstr("empty"));
    EXPECT_FALSE(read_secret({Secret::Kind::file, path + ".none"}, why));
    EXPECT_FALSE(read_secret({Secret::Kind::env, "AGENTHOST_NO_SUCH_VARIABLE"}, why));
    EXPECT_THAT(why, HasSubstr("AGENTHOST_NO_SUCH_VARIABLE"));
    EXPECT_FALSE(read_secret({Secret::Kind::file, dir.path().string()}, why)) << "a folder is no secret";
}

TEST(HubCredentials, AFingerprintChangesWithTheFile)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "token").string();
    EXPECT_EQ(fingerprint(path), "");
    agenthost::test::write_file(path, "one", 0600);
    const std::string one = fingerprint(path);
    EXPECT_EQ(fingerprint(path), one);
    agenthost::test::write_file(path, "other", 0600);
    EXPECT_NE(fingerprint(path), one);
}

constexpr std::int64_t now = 1'800'000'000'000; // UTC ms

Credentials::Listed listed(const std::string& id, const std::string& secret)
{
    return {{id, {secret, sha256(secret)}}};
}
Enrolment minted(const std::string& id, const std::string& secret)
{
    return {.id = id, .secret = sha256(secret)};
}
bool may(const Credentials& c, std::string_view id, std::string_view secret)
{
    return c.admits(id, Credentials::by_secret(secret), now);
}

TEST(HubCredentials, AdmitsOnlyByFileOrMintedSecret)
{
    Credentials c;
    c.set_listed(listed("listed", "file-token"));
    c.put(minted("minted", "minted-token"));
    EXPECT_TRUE(may(c, "listed", "file-token"));
    EXPECT_TRUE(may(c, "minted", "minted-token"));
    EXPECT_FALSE(may(c, "listed", "minted-token"));
    EXPECT_FALSE(may(c, "minted", "file-token"));
    EXPECT_FALSE(may(c, "nobody", "file-token"));
    EXPECT_FALSE(may(c, "listed", ""));
    EXPECT_TRUE(c.knows("listed"));
    EXPECT_FALSE(c.knows("nobody"));
}

TEST(HubCredentials, AnAgentThatHasOnlyAJwtHasNoSecret)
{
    Credentials c;
    c.put(Enrolment{.id = "a", .jwt = true});
    EXPECT_FALSE(may(c, "a", ""));
    EXPECT_FALSE(c.admits("a", Proof{.kind = Proof::Kind::secret}, now));
    EXPECT_FALSE(c.secret_of("a"));
}

TEST(HubCredentials, ARevocationOverridesTheFile)
{
    Credentials c;
    c.set_listed(listed("a", "file-token"));
    c.put(Enrolment{.id = "a", .revoked = true});
    EXPECT_FALSE(may(c, "a", "file-token"));
    EXPECT_FALSE(c.knows("a"));
    EXPECT_FALSE(c.secret_of("a"));
    c.put(minted("a", "new-token"));
    EXPECT_TRUE(may(c, "a", "new-token"));
    EXPECT_TRUE(may(c, "a", "file-token"));
}

TEST(HubCredentials, ShopsAreTrustedOnlyWhenConfiguredAndWithoutASecret)
{
    Credentials c;
    EXPECT_FALSE(c.admits("shop", Proof{}, now));
    c.trust_shops(true);
    EXPECT_TRUE(c.admits("shop", Proof{}, now));
    c.set_listed(listed("shop", "file-token"));
    EXPECT_FALSE(c.admits("shop", Proof{}, now)) << "the file asks for its secret";
    c.set_listed({});
    c.put(Enrolment{.id = "shop", .revoked = true});
    EXPECT_FALSE(c.admits("shop", Proof{}, now));
}

TEST(HubCredentials, MintedSecretsAreDerivedAgainAndNoTableHoldsThem)
{
    const agenthost::test::TempDir dir;
    const RootKey root{(dir / "hub.db.key").string()};
    Credentials c;
    c.set_root(&root);
    const std::string secret = c.derived_secret("a", "salt");
    c.put(Enrolment{.id = "a", .secret = sha256(secret), .salt = "salt"});
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

// A new key in its place would refuse signed agents and JWTs, and nothing would say why.
TEST(HubCredentials, ARootKeyThatIsNeededAndMissingIsAnError)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "hub.db.key").string();
    try {
        const RootKey lost{path, "hub.db has credentials that were made with it"};
        FAIL() << "another one was made";
    } catch (const std::runtime_error& e) {
        const std::string why = e.what();
        EXPECT_NE(why.find(path + ": is missing, and hub.db has credentials"), why.npos) << why;
        EXPECT_NE(why.find("Restore it"), why.npos) << why;
    }
    EXPECT_FALSE(std::filesystem::exists(path));
    const RootKey made{path};
    const RootKey found{path, "hub.db has credentials that were made with it"};
    EXPECT_EQ(found.derive("jwt"), made.derive("jwt"));
}

TEST(HubCredentials, TheRootKeyIsPrivate)
{
    const agenthost::test::TempDir dir;
    const std::string path = (dir / "key").string();
    const RootKey made{path};
    struct stat st {};
    ASSERT_EQ(::stat(path.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600U);
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    EXPECT_THROW(RootKey{path}, std::runtime_error);
    agenthost::test::write_file(dir / "short", "abc", 0600);
    EXPECT_THROW(RootKey{(dir / "short").string()}, std::runtime_error);
    EXPECT_THROW(RootKey{(dir / "none" / "key").string()}, std::runtime_error);
}

TEST(HubCredentials, TheFilesSecretIsUsedForSignedAgents)
{
    Credentials c;
    c.set_listed(listed("a", "file-token"));
    EXPECT_EQ(c.secret_of("a"), "file-token");
    EXPECT_FALSE(c.secret_of("b"));
}

TEST(HubCredentials, CallersNeedATokenThatExists)
{
    Credentials c;
    EXPECT_FALSE(c.caller("", now)) << "no admin token is not an empty one";
    EXPECT_FALSE(c.caller("x", now));
    c.set_admin(sha256("admin"));
    c.put(MintedToken{.id = "t1", .token = sha256("minted")});
    EXPECT_EQ(c.caller("admin", now)->role, Role::admin);
    EXPECT_EQ(c.caller("minted", now)->role, Role::admin);
    EXPECT_EQ(c.caller("minted", now)->subject, "t1");
    EXPECT_FALSE(c.caller("admi", now));
    c.remove_token("t1");
    EXPECT_FALSE(c.caller("minted", now));
}

struct WithJwt : testing::Test {
    WithJwt() { c.set_jwt(jwt); }
    std::string token(const Claims& claims) const { return jwt->sign(claims); }
    static Claims claims(Role role, const std::string& jti = "j1")
    {
        return {.sub = "a", .role = role, .iat = now / 1000, .exp = now / 1000 + 60, .jti = jti};
    }
    std::string why;
    std::shared_ptr<const Jwt> jwt = Jwt::of_secret(std::string(32, 's'), why);
    Credentials c;
};

TEST_F(WithJwt, CallersHaveTheRoleAndTheAgentsOfTheirClaims)
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

TEST_F(WithJwt, ADeniedJtiIsRefusedForCallersAndAgents)
{
    c.put(MintedJwt{.jti = "j1", .revoked = true});
    EXPECT_FALSE(c.caller(token(claims(Role::admin)), now));
    EXPECT_TRUE(c.caller(token(claims(Role::admin, "j2")), now));
    EXPECT_FALSE(c.by_jwt(token(claims(Role::agent)), now, why));
    EXPECT_TRUE(c.by_jwt(token(claims(Role::agent, "j2")), now, why));
}

TEST_F(WithJwt, AgentsOfAJwtAreAdmittedUntilItExpiresOrIsReplacedOrTheyAreRevoked)
{
    const auto found = c.by_jwt(token(claims(Role::agent)), now, why);
    ASSERT_TRUE(found) << why;
    const auto& [agent, proof] = *found;
    EXPECT_EQ(agent, "a");
    EXPECT_TRUE(c.admits("a", proof, now + 59'000));
    EXPECT_FALSE(c.admits("a", proof, now + 60'000)) << "expired";
    c.put(Enrolment{.id = "a", .valid_from = now / 1000});
    EXPECT_TRUE(c.admits("a", proof, now));
    c.put(Enrolment{.id = "a", .valid_from = now / 1000 + 1});
    EXPECT_FALSE(c.admits("a", proof, now)) << "replaced";
    c.put(Enrolment{.id = "a", .revoked = true});
    EXPECT_FALSE(c.admits("a", proof, now));
    c.remove_agent("a");
    EXPECT_TRUE(c.admits("a", proof, now));
    c.set_jwt(Jwt::of_secret(std::string(32, 't'), why));
    EXPECT_FALSE(c.admits("a", proof, now)) << "another key";
}

TEST_F(WithJwt, OnlyAgentsTokensAreForAgents)
{
    for (const Role role : {Role::dashboard, Role::admin})
        EXPECT_FALSE(c.by_jwt(token(claims(role)), now, why)) << to_string(role);
    EXPECT_EQ(why, "its role is not agent");
}

TEST_F(WithJwt, TheEnrollTokenAloneRegistersWhereThereIsOne)
{
    c.set_admin(sha256("admin"));
    EXPECT_TRUE(c.may_register("admin", now));
    EXPECT_TRUE(c.may_register(token(claims(Role::admin)), now));
    EXPECT_FALSE(c.may_register(token(claims(Role::dashboard)), now));
    EXPECT_FALSE(c.may_register("", now));
    c.set_enroll(sha256("enroll"));
    EXPECT_TRUE(c.may_register("enroll", now));
    EXPECT_FALSE(c.may_register("admin", now));
    EXPECT_FALSE(c.may_register(token(claims(Role::admin)), now));
    EXPECT_FALSE(c.may_register("", now));
    EXPECT_FALSE(c.caller("enroll", now)) << "it is good for nothing else";
}

TEST(HubConfig, ReadsUnitsAsTheWholeFileDoes)
{
    const Config c =
        parse_config(R"({"spool_bytes":"1.5GiB","max_file":4096,"task_ttl":"1.5h","agent_grace":"0"})", "/s");
    EXPECT_EQ(c.spool_bytes, 3ULL << 29);
    EXPECT_EQ(c.max_file, 4096U);
    EXPECT_EQ(c.task_ttl, std::chrono::minutes{90});
    EXPECT_EQ(c.agent_grace, milliseconds{0});
    for (const char* bad : {R"({"max_file":"lots"})", R"({"max_file":-1})", R"({"task_ttl":30})",
                            R"({"task_ttl":"800d"})", R"({"task_ttl":""})"})
        EXPECT_THROW(parse_config(bad, "/s"), std::invalid_argument) << bad;
}

TEST(HubConfig, TakesAContainersSecretWithModeAny)
{
    const Config c = parse_config(R"({"admin_token":{"file":"/x/token","mode":"any"}})", "/s");
    EXPECT_TRUE(c.admin_token.any_mode);
    EXPECT_THROW(parse_config(R"({"admin_token":{"env":"A","mode":"any"}})", "/s"), std::invalid_argument);
}

TEST(HubConfig, PutsPathsBelowTheStateDirectory)
{
    const Config c = parse_config(
        R"({"database":"h.db","credentials":"/etc/agents.yaml","public_url":"https://h.example.com/","reader_grace":"3s"})",
        "/state");
    EXPECT_EQ(c.database, "/state/h.db");
    EXPECT_EQ(c.credentials, "/etc/agents.yaml");
    EXPECT_EQ(c.spool, "/state/spool");
    EXPECT_EQ(c.public_url, "https://h.example.com");
    EXPECT_EQ(c.reader_grace, std::chrono::seconds{3});
}

TEST(HubConfig, NamesTheInvalidKey)
{
    const auto text = [](const char* json) -> std::string {
        try {
            parse_config(json, "/s");
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
        return "accepted";
    };
    EXPECT_THAT(text(R"({"task_ttl":"soon"})"),
                HasSubstr("plugins.hub.config.task_ttl: \"soon\" is not a duration"));
    EXPECT_THAT(text(R"({"public_url":"hub.example.com"})"), HasSubstr("write for instance https://"));
    EXPECT_THAT(text(R"({"admin_token":{"fil":"x"}})"), HasSubstr("{file: PATH}"));
    EXPECT_THAT(text(R"({"jwt_secret":{"file":"a"},"jwt_key":{"file":"b"}})"), HasSubstr("both set"));
    EXPECT_THAT(text(R"({"allow_origins":["desk.example.com"]})"), HasSubstr("write for instance https://"));
    EXPECT_THAT(text(R"({"allow_origins":["https://desk.example.com/app"]})"), HasSubstr("is not an origin"));
    EXPECT_THAT(text(R"({"ping_interval":"1ms"})"), HasSubstr("ping_interval"));
}

} // namespace
