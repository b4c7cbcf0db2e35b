#include "host/plugin/plugin.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

using namespace agenthost::host;
using namespace agenthost::test;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view complete =
    R"({"id":"echo","version":"1.0.0","license":"MIT","description":"Says it again.","run":"inline",
 "concurrency":2,"queue":16,"capabilities":["echo"],"events":["echo.heard"],
 "actions":[{"name":"echo.say","summary":"Repeats.","params":{"type":"object"},"result":{"type":"object"},"effects":true,"idempotent":true},
            {"name":"echo.info"}],
 "aliases":{"storage":{"say":"echo.say"}},"config":{"type":"object","properties":{"n":{"type":"integer"}},"additionalProperties":false},
 "permissions":{"call":["storage.*"],"listener":true},"isolation":["in-process"],
 "timeouts":{"create":"500ms","start":"30s","stop":"1m"},"x-anything":1})";

std::string why_not(std::string_view text)
{
    std::string why;
    EXPECT_FALSE(parse_manifest(text, "echo.manifest.json", why)) << text;
    return why;
}

std::string with(std::string_view field)
{
    return R"({"id":"echo","version":"1",)" + std::string{field} + "}";
}

TEST(Manifest, ReadsEveryField)
{
    std::string why;
    const auto m = parse_manifest(complete, "echo.manifest.json", why);
    ASSERT_TRUE(m) << why;
    EXPECT_EQ(m->id, "echo");
    EXPECT_EQ(m->run, Manifest::Run::inline_);
    EXPECT_EQ(m->concurrency, 2u);
    EXPECT_EQ(m->queue, 16u);
    EXPECT_EQ(m->capabilities, std::vector<std::string>{"echo"});
    EXPECT_EQ(m->events, std::vector<std::string>{"echo.heard"});
    ASSERT_EQ(m->actions.size(), 2u);
    EXPECT_TRUE(m->actions[0].effects && m->actions[0].idempotent && m->actions[0].params);
    EXPECT_FALSE(m->actions[1].effects || m->actions[1].params);
    EXPECT_EQ(m->aliases.at("storage").at("say"), "echo.say");
    EXPECT_EQ(m->config->check(R"({"n":"x"})"), "/n: must be an integer, is a string");
    EXPECT_EQ(m->may_call, std::vector<std::string>{"storage.*"});
    EXPECT_TRUE(m->may_listen && m->may_in_process && !m->may_isolate);
    EXPECT_EQ(m->create_timeout_ms, 500u);
    EXPECT_EQ(m->start_timeout_ms, 30'000u);
    EXPECT_EQ(m->stop_timeout_ms, 60'000u);
    EXPECT_EQ(m->text, complete);
}

TEST(Manifest, ReadsThePermissionForTheLog)
{
    std::string why;
    const auto m = parse_manifest(R"({"id":"echo","version":"1","permissions":{"log_tap":true}})", "f", why);
    ASSERT_TRUE(m) << why;
    EXPECT_TRUE(m->may_read_log && !m->may_listen);
    EXPECT_FALSE(parse_manifest(R"({"id":"e","version":"1","permissions":{"log_tap":"x"}})", "f", why));
}

TEST(Manifest, ReadsThePermissionForNetworkSettings)
{
    std::string why;
    const auto m = parse_manifest(R"({"id":"echo","version":"1","permissions":{"network":true}})", "f", why);
    ASSERT_TRUE(m) << why;
    EXPECT_TRUE(m->may_use_network && !m->may_read_log);
}

TEST(Manifest, HasSafeDefaults)
{
    std::string why;
    const auto m = parse_manifest(R"({"id":"echo","version":"1"})", "f", why);
    ASSERT_TRUE(m) << why;
    EXPECT_EQ(m->run, Manifest::Run::worker);
    EXPECT_TRUE(m->may_call.empty() && !m->may_listen && !m->may_read_log && !m->may_use_network &&
                m->may_isolate && m->may_in_process);
    EXPECT_EQ(m->start_timeout_ms, 10'000u);
}

TEST(Manifest, ReportsFileFieldAndRemedy)
{
    EXPECT_EQ(why_not(with("\"x\":" + std::string(100'000, '['))),
              "echo.manifest.json: is nested deeper than 128 levels");
    EXPECT_EQ(why_not("{"),
              "echo.manifest.json: not valid JSON near byte 2; check commas, quotes and braces");
    EXPECT_EQ(why_not(with(R"("verion":"2")")),
              "echo.manifest.json: unknown key \"verion\"; did you mean \"version\"?");
    EXPECT_EQ(why_not(with(R"("actions":[{"name":"echo.say","parms":{}}])")),
              "echo.manifest.json: actions[0]: unknown key \"parms\"; did you mean \"params\"?");
    EXPECT_EQ(why_not(with(R"("actions":[{"name":"other.say"}])")),
              "echo.manifest.json: actions[0].name: \"other.say\" must start with \"echo.\" and have only "
              "a-z, 0-9, '_', '-' and '.'");
    EXPECT_EQ(why_not(with(R"("actions":[{"name":"echo.say"},{"name":"echo.say"}])")),
              "echo.manifest.json: actions[1].name: \"echo.say\" is listed twice; remove one");
    EXPECT_EQ(
        why_not(with(R"("actions":[{"name":"echo.say","params":{"type":"objekt"}}])")),
        "echo.manifest.json: actions[0].params: #/type: unknown type \"objekt\"; did you mean \"object\"?");
    EXPECT_EQ(why_not(with(R"("actions":[{"name":"echo.say"}],"aliases":{"storage":{"say":"echo.sya"}})")),
              "echo.manifest.json: aliases.storage.say: \"echo.sya\" is not an action of this manifest; did "
              "you mean \"echo.say\"?");
    EXPECT_EQ(why_not(with(R"("timeouts":{"create":10})")),
              "echo.manifest.json: timeouts.create: must be a string, is number");
    EXPECT_EQ(why_not(with(R"("timeouts":{"create":"11m"})")),
              "echo.manifest.json: timeouts.create: must be a duration from 100ms to 10m, such as \"10s\"");
    EXPECT_EQ(why_not(with(R"("run":"thread")")),
              "echo.manifest.json: run: \"thread\" must be \"worker\" or \"inline\"");
    EXPECT_EQ(why_not(with(R"("concurrency":0)")),
              "echo.manifest.json: concurrency: must be an integer from 1 to 64");
    EXPECT_EQ(
        why_not(R"({"id":"../x","version":"1"})"),
        "echo.manifest.json: id: \"../x\" must be 1 to 32 of a-z, 0-9, '_' and '-', beginning with a letter");
    EXPECT_EQ(why_not(R"({"id":"echo"})"),
              "echo.manifest.json: version: is missing; give one, such as \"1.0.0\"");
    EXPECT_EQ(why_not(with(R"("permissions":{"listener":true},"isolation":["process"])")),
              "echo.manifest.json: isolation: \"process\" does not go with permissions.listener; listeners "
              "work in-process only");
    EXPECT_NE(why_not("[]"), "");
    EXPECT_NE(
        why_not(with("\"description\":\"" + std::string(300'000, 'x') + "\"")).find("larger than 256 KiB"),
        std::string::npos);
}

// No byte of a manifest, when it is cut or changed, brings the reader down.
TEST(Manifest, SurvivesTruncationAnywhere)
{
    std::string why;
    for (std::size_t n = 0; n < complete.size(); ++n) {
        EXPECT_FALSE(parse_manifest(complete.substr(0, n), "f", why)) << n;
        EXPECT_NE(why, "");
        std::string changed{complete};
        changed[n] = '"';
        parse_manifest(changed, "f", why);
    }
}

TEST(FindPlugins, TakesTheFirstFolderForAnId)
{
    TempDir dir;
    fs::create_directories(dir / "a");
    fs::create_directories(dir / "b");
    write_file(dir / "a/echo.manifest.json", R"({"id":"echo","version":"1"})");
    write_file(dir / "b/echo.manifest.json", R"({"id":"echo","version":"2"})");
    write_file(dir / "b/bad.manifest.json", R"({"id":"good","version":"2"})");
    write_file(dir / "b/broken.manifest.json", "{");
    write_file(dir / "b/other.json", "{}");
    const auto found = find_plugins({(dir / "none").string(), (dir / "a").string(), (dir / "b").string()});
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].id, "echo");
    ASSERT_TRUE(found[0].manifest) << found[0].problem;
    EXPECT_EQ(found[0].manifest->version, "1");
    EXPECT_EQ(found[0].library, (dir / "a/echo.so").string());
    EXPECT_EQ(found[1].id, "bad");
    EXPECT_NE(found[1].problem.find("id: is \"good\", but the file is named for \"bad\""), std::string::npos)
        << found[1].problem;
    EXPECT_EQ(found[2].id, "broken");
    EXPECT_FALSE(found[2].manifest);
}

class Permissions : public testing::Test {
protected:
    void SetUp() override
    {
        fs::create_directories(dir_ / "lib/plugins");
        ::chmod((dir_ / "lib").c_str(), 0755);
        ::chmod((dir_ / "lib/plugins").c_str(), 0755);
        write_file(library(), "x", 0755);
        write_file(dir_ / "lib/plugins/foo.manifest.json", "{}", 0644);
    }
    [[nodiscard]] std::string library() const { return (dir_ / "lib/plugins/foo.so").string(); }
    TempDir dir_;
};

TEST_F(Permissions, AcceptsFilesOnlyTheOwnerCanWrite)
{
    EXPECT_EQ(check_file_ownership(library()), std::vector<std::string>{});
}

TEST_F(Permissions, HasOneSentencePerCause)
{
    ::chmod(library().c_str(), 0777);
    ::chmod((dir_ / "lib/plugins/foo.manifest.json").c_str(), 0664);
    ::chmod((dir_ / "lib").c_str(), 0757);
    const std::string at = dir_.path().string();
    EXPECT_EQ(
        check_file_ownership(library()),
        (std::vector<std::string>{
            at + "/lib/plugins/foo.so: writable by everyone. Run: chmod o-w " + at + "/lib/plugins/foo.so",
            at + "/lib/plugins/foo.so: writable by its group. Run: chmod g-w " + at + "/lib/plugins/foo.so",
            at + "/lib/plugins/foo.manifest.json: writable by its group. Run: chmod g-w " + at +
                "/lib/plugins/foo.manifest.json",
            at + "/lib: writable by everyone. Run: chmod o-w " + at + "/lib"}));
}

TEST_F(Permissions, RefusesALibraryInAStickyFolder)
{
    ::chmod((dir_ / "lib/plugins").c_str(), 01777);
    EXPECT_FALSE(check_file_ownership(library()).empty());
}

TEST_F(Permissions, ChecksTheFoldersOfALinkAndOfItsTarget)
{
    fs::create_directories(dir_ / "links");
    fs::create_symlink(library(), dir_ / "links/foo.so");
    fs::create_symlink(dir_ / "lib/plugins/foo.manifest.json", dir_ / "links/foo.manifest.json");
    EXPECT_EQ(check_file_ownership((dir_ / "links/foo.so").string()), std::vector<std::string>{});
    ::chmod((dir_ / "links").c_str(), 0777);
    EXPECT_FALSE(check_file_ownership((dir_ / "links/foo.so").string()).empty());
    ::chmod((dir_ / "links").c_str(), 0755);
    ::chmod((dir_ / "lib").c_str(), 0777);
    EXPECT_FALSE(check_file_ownership((dir_ / "links/foo.so").string()).empty());
}

TEST_F(Permissions, RefusesAnotherUsersFile)
{
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
    ASSERT_EQ(::chown(library().c_str(), 12345, 0), 0);
    const auto problems = check_file_ownership(library());
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_NE(problems[0].find("owned by uid 12345"), std::string::npos);
}

TEST_F(Permissions, ReportsMissingFiles)
{
    fs::remove(dir_ / "lib/plugins/foo.manifest.json");
    const auto problems = check_file_ownership(library());
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_NE(problems[0].find("foo.manifest.json: does not exist"), std::string::npos);
    EXPECT_FALSE(check_file_ownership((dir_ / "nothing.so").string()).empty());
}

} // namespace
