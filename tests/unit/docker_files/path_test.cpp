#include "plugins/docker/files/path.hpp"

#include "files_fixture.hpp"

#include "base/utf8.hpp"

#include <random>

namespace {

using namespace agenthost::docker::files;
using agenthost::test::code_of;

TEST(FilePath, ReadsWhatPanelsWrite)
{
    EXPECT_TRUE(Path::parse("/").is_root());
    EXPECT_TRUE(Path::parse("/server").is_root());
    EXPECT_TRUE(Path::parse("/server/").is_root());
    EXPECT_TRUE(Path::parse(".").is_root());
    EXPECT_EQ(Path::parse("/server/server.properties").bytes(), "server.properties");
    EXPECT_EQ(Path::parse("/config//a.txt/").bytes(), "config/a.txt");
    EXPECT_EQ(Path::parse("./config/./a.txt").bytes(), "config/a.txt");
    EXPECT_EQ(Path::parse("/serverside").bytes(), "serverside");
    EXPECT_EQ(Path::parse("server/a").bytes(), "server/a");
    EXPECT_EQ(Path::parse("/server/server/a").bytes(), "server/a");
}

TEST(FilePath, RefusesWhatLeadsOutsideOrIsTooLong)
{
    using namespace std::string_literals;
    for (const std::string& text :
         {""s, ".."s, "../a"s, "a/.."s, "a/../b"s, "/.."s, "/server/../a"s, "a\0b"s, "\xff"s, "a\\b"s,
          "a\\x00"s, "a\\x2fb"s, "a\\x2"s, "\\x2e\\x2e/a"s, std::string(256, 'a'), std::string(5000, 'a')}) {
        EXPECT_EQ(code_of([&] { Path::parse(text); }), "INVALID_REQUEST") << text;
    }
    std::string deep;
    for (int i = 0; i < 129; ++i) deep += "a/";
    EXPECT_EQ(code_of([&] { Path::parse(deep); }), "INVALID_REQUEST");
    EXPECT_EQ(code_of([] { Path::from_bytes("/etc/passwd"); }), "INVALID_REQUEST");
}

TEST(FilePath, GivesEveryNameAFormThatCanBeGivenBack)
{
    EXPECT_EQ(escape_name("a\xff"
                          "b"),
              "a\\xffb");
    EXPECT_EQ(escape_name("a\\b"), "a\\\\b");
    EXPECT_EQ(escape_name("\xc3\xa4\xc3"), "\xc3\xa4\\xc3");
    std::mt19937 random{1};
    for (int i = 0; i < 20'000; ++i) {
        std::string name;
        for (std::size_t n = 1 + random() % 20; n > 0; --n) {
            const auto choice = random() % 4;
            char c = choice == 0 ? '\\' : choice == 1 ? "x0f2"[random() % 4] : static_cast<char>(random());
            if (c == '\0' || c == '/') c = 'a';
            name += c;
        }
        const std::string shown = escape_name(name);
        ASSERT_EQ(agenthost::base::utf8_valid_prefix(shown), shown.size());
        ASSERT_EQ(unescape_name(shown), name);
    }
}

TEST(FilePath, KnowsWhatIsBelowIt)
{
    EXPECT_TRUE(Path::parse("a").contains(Path::parse("a/b")));
    EXPECT_TRUE(Path::parse("a").contains(Path::parse("a")));
    EXPECT_TRUE(Path{}.contains(Path::parse("a")));
    EXPECT_FALSE(Path::parse("a").contains(Path::parse("ab")));
    EXPECT_EQ(Path::parse("a/b/c").parent().bytes(), "a/b");
    EXPECT_EQ(Path::parse("a/b/c").name(), "c");
    EXPECT_TRUE(Path::parse("a").parent().is_root());
    EXPECT_EQ(Path::parse("a").shown(), "a");
    EXPECT_EQ(Path{}.shown(), "/");
}

} // namespace
