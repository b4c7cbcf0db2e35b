// Image references, the allow list, registry credentials.
#include "plugins/docker/spec/image_allow.hpp"
#include "plugins/docker/spec/registry_auth.hpp"

#include "base/base64.hpp"
#include "tests/unit/docker/spec/refused.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

using namespace agenthost::docker;
using agenthost::docker_test::refusal;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

const std::string digest = "sha256:" + std::string(64, 'a');

std::string canonical(const std::string& text) { return parse_image(text, "image").canonical(); }

TEST(ImageRef, PrintsTheCanonicalForm)
{
    const std::vector<std::pair<std::string, std::string>> table{
        {"redis", "docker.io/library/redis:latest"},
        {"redis:7", "docker.io/library/redis:7"},
        {"docker.io/redis", "docker.io/library/redis:latest"},
        {"index.docker.io/redis", "docker.io/library/redis:latest"},
        {"itzg/minecraft-server", "docker.io/itzg/minecraft-server:latest"},
        {"ghcr.io/pelican-eggs/yolks:java_21", "ghcr.io/pelican-eggs/yolks:java_21"},
        {"ghcr.io/x", "ghcr.io/x:latest"},
        {"ghcr.io.evil.com/x", "ghcr.io.evil.com/x:latest"},
        {"localhost/x", "localhost/x:latest"},
        {"localhost:5000/a/b/c:t", "localhost:5000/a/b/c:t"},
        {"registry:5000/x", "registry:5000/x:latest"},
        {"[::1]:5000/x", "[::1]:5000/x:latest"},
        {"127.0.0.1:5000/x", "127.0.0.1:5000/x:latest"},
        {"a/b__c/d-e--f.g_h", "docker.io/a/b__c/d-e--f.g_h:latest"},
        {"x@" + digest, "docker.io/library/x@" + digest},
        {"ghcr.io/x:t@" + digest, "ghcr.io/x:t@" + digest},
        {"localhost", "docker.io/library/localhost:latest"},
        {"x:Tag_1.0-RC", "docker.io/library/x:Tag_1.0-RC"},
        // Neither is an image id to us.
        {"sha256:" + std::string(64, 'b'), "docker.io/library/sha256:" + std::string(64, 'b')},
        {"deadbeef", "docker.io/library/deadbeef:latest"},
    };
    for (const auto& [text, expected] : table) EXPECT_EQ(canonical(text), expected) << text;
}

TEST(ImageRef, CanonicalFormsAreStable)
{
    for (const char* text : {"redis", "a/b:c", "ghcr.io/x", "localhost:1/x:y", "[::1]/x"}) {
        const ImageRef once = parse_image(text, "image");
        EXPECT_EQ(parse_image(once.canonical(), "image"), once) << text;
    }
}

TEST(ImageRef, RefusesWhatTheGrammarDoesNotHave)
{
    const std::vector<std::pair<std::string, std::string>> table{
        {"", "is empty"},
        {std::string(513, 'a'), "longer than 512 bytes"},
        {"Redis", "upper case"},
        {"GHCR.io/x", "upper case"},
        {"Foo/x", "upper case"},
        {"ghcr.io/X", "upper case"},
        {"-x", "not a repository"},
        {"x-", "not a repository"},
        {"a//b", "not a repository"},
        {"a/../b", "not a repository"},
        {"../x", "not a registry"},
        {"a___b", "not a repository"},
        {"a..b/c", "not a registry"},
        {"a/b..c", "not a repository"},
        {"ghcr.io/", "not a repository"},
        {"/x", "not a repository"},
        {"x:", "not a tag"},
        {"x:-t", "not a tag"},
        {"x:" + std::string(129, 't'), "not a tag"},
        {"x:a:b", "not a tag"},
        {"x@sha256:abc", "not a digest"},
        {"x@" + digest + "@" + digest, "not a digest"},
        {"x@sha256:" + std::string(64, 'A'), "not a digest"},
        {"x@md5:" + std::string(32, 'a'), "not a digest"},
        {"host:0/x", "not a registry"},
        {"host:65536/x", "not a registry"},
        {"host:/x", "not a registry"},
        {"host:5a/x", "not a registry"},
        {"-host.io/x", "not a registry"},
        {"ghcr.io/x y", "not a repository"},
        {"ghcr.io/x\n", "not a repository"},
        {"http://ghcr.io/x", "not a registry"},
        {"ghcr.io/x?y", "not a repository"},
        {"user@ghcr.io/x", "not a digest"},
        {"ghcr.io/\xc3\xa9", "not a repository"},
        {std::string(64, 'a'), "image id"},
        {"ghcr.io/" + std::string(256, 'a'), "longer than 255 bytes"},
    };
    for (const auto& [text, expected] : table) {
        const std::string said = refusal([&] { parse_image(text, "eggConfig.image"); });
        EXPECT_THAT(said, StartsWith("eggConfig.image: ")) << text;
        EXPECT_THAT(said, HasSubstr(expected)) << text;
    }
}

bool allows(const std::string& pattern, const std::string& image)
{
    ImageAllowList list;
    list.add(pattern, "allow_images[0]");
    return list.allows(parse_image(image, "image"));
}

TEST(ImageAllowList, ComparesTheRegistryExactly)
{
    EXPECT_TRUE(allows("ghcr.io/pelican-eggs/*", "ghcr.io/pelican-eggs/yolks:java_21"));
    for (const char* other : {"ghcr.io.evil.com/pelican-eggs/yolks", "ghcr.io:5000/pelican-eggs/yolks",
                              "xghcr.io/pelican-eggs/yolks", "docker.io/ghcr.io/pelican-eggs/yolks",
                              "pelican-eggs/yolks", "localhost/ghcr.io/pelican-eggs/yolks"})
        EXPECT_FALSE(allows("ghcr.io/pelican-eggs/*", other)) << other;
}

TEST(ImageAllowList, WildcardsHaveTheDocumentedMeaning)
{
    EXPECT_FALSE(allows("ghcr.io/a/*", "ghcr.io/a/b/c"));
    EXPECT_FALSE(allows("ghcr.io/a/*", "ghcr.io/ab/c"));
    EXPECT_TRUE(allows("ghcr.io/a/**", "ghcr.io/a/b/c"));
    EXPECT_TRUE(allows("ghcr.io/a/**", "ghcr.io/a/b"));
    EXPECT_FALSE(allows("ghcr.io/a/**", "ghcr.io/a"));
    EXPECT_TRUE(allows("ghcr.io/a/y*s", "ghcr.io/a/yolks"));
    EXPECT_TRUE(allows("ghcr.io/a:java_*", "ghcr.io/a:java_21"));
    EXPECT_FALSE(allows("ghcr.io/a:java_*", "ghcr.io/a:go_1"));
    EXPECT_TRUE(allows("redis", "docker.io/library/redis:7"));
    EXPECT_TRUE(allows("itzg/*", "itzg/mc"));
    EXPECT_TRUE(allows("*", "anything.example.com:1/x"));
    EXPECT_FALSE(ImageAllowList{}.allows(parse_image("redis", "image")));
}

TEST(ImageAllowList, ADigestDoesNotPassUnderAnAllowedTag)
{
    // The engine ignores the tag of name:tag@digest.
    EXPECT_FALSE(allows("ghcr.io/a:java_21", "ghcr.io/a:java_21@" + digest));
    EXPECT_TRUE(allows("ghcr.io/a", "ghcr.io/a:java_21@" + digest));
    EXPECT_TRUE(allows("ghcr.io/a@" + digest, "ghcr.io/a@" + digest));
    EXPECT_FALSE(allows("ghcr.io/a@" + digest, "ghcr.io/a:latest"));
}

TEST(ImageAllowList, RefusesPatternsThatMeanNothing)
{
    ImageAllowList list;
    EXPECT_THAT(refusal([&] { list.add("*.io/x", "allow_images[3]"); }), HasSubstr("no wildcards"));
    EXPECT_THAT(refusal([&] { list.add("ghcr.io/**/x", "allow_images[3]"); }), HasSubstr("last part"));
    EXPECT_THAT(refusal([&] { list.add("ghcr.io/A*", "allow_images[3]"); }), StartsWith("allow_images[3]: "));
}

std::string decoded(std::string header)
{
    for (char& c : header) c = c == '-' ? '+' : c == '_' ? '/' : c;
    return agenthost::base::from_base64(header).value_or("not base64");
}

TEST(RegistryCredentials, AreChosenByTheExactRegistryOnly)
{
    RegistryCredentials credentials;
    credentials.add({"ghcr.io", "me", "secret"}, "registries[0]");
    credentials.add({"https://index.docker.io/v1/", "hub", "\xff\xfe?>~"}, "registries[1]");
    const auto header = [&](const char* image) {
        return credentials.header_for(parse_image(image, "image"));
    };
    const auto json = nlohmann::json::parse(decoded(header("ghcr.io/a/b:c").value()));
    EXPECT_EQ(json,
              (nlohmann::json{{"username", "me"}, {"password", "secret"}, {"serveraddress", "ghcr.io"}}));
    EXPECT_EQ(nlohmann::json::parse(decoded(header("redis").value())).at("serveraddress"),
              "https://index.docker.io/v1/");
    EXPECT_EQ(header("redis")->find_first_of("+/"), std::string::npos);
    for (const char* other :
         {"ghcr.io.evil.com/a", "ghcr.io:5000/a", "evil.com/ghcr.io/a", "localhost/a", "quay.io/a"})
        EXPECT_FALSE(header(other)) << other;
}

TEST(RegistryCredentials, AreHiddenInWhatARegistryRepeats)
{
    RegistryCredentials credentials;
    credentials.add({"ghcr.io", "bot", "pass\"WORD>987~?"}, "registries[0]");
    const ImageRef image = parse_image("ghcr.io/a/b", "image");
    const auto secrets = credentials.secrets_for(image);
    const std::string basic = agenthost::base::base64("bot:pass\"WORD>987~?");
    const std::string said = without_secrets(
        "bad credentials Basic " + basic + " bot:pass\"WORD>987~? {\"p\":\"pass" + "\\\"WORD>987~?\"} " +
            credentials.header_for(image).value() + " " + decoded(credentials.header_for(image).value()),
        secrets);
    EXPECT_EQ(said.find("WORD"), std::string::npos) << said;
    EXPECT_EQ(said.find(basic.substr(0, basic.size() - 2)), std::string::npos) << said;
    EXPECT_EQ(said.find(credentials.header_for(image)->substr(0, 30)), std::string::npos) << said;
    EXPECT_NE(said.find("bad credentials Basic ***"), std::string::npos) << said;
    EXPECT_NE(said.find("bot:***"), std::string::npos) << said;
    EXPECT_TRUE(credentials.secrets_for(parse_image("quay.io/a", "image")).empty());
    EXPECT_EQ(without_secrets("text", {""}), "text");
}

TEST(RegistryCredentials, RefuseWhatIsNotARegistry)
{
    RegistryCredentials credentials;
    credentials.add({"ghcr.io", "me", "secret"}, "registries[0]");
    EXPECT_THAT(refusal([&] {
                    credentials.add({"ghcr.io", "a", "b"}, "registries[1]");
                }),
                HasSubstr("listed twice"));
    for (const char* bad : {"ghcr.io/org", "https://ghcr.io", "ghcr", "library", "GHCR.io", "", "a b"}) {
        const std::string said = refusal([&] { credentials.add({bad, "a", "topsecret"}, "registries[1]"); });
        EXPECT_THAT(said, StartsWith("registries[1]: ")) << bad;
        EXPECT_EQ(said.find("topsecret"), std::string::npos);
    }
}

} // namespace
