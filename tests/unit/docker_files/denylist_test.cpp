// What an egg's file_denylist denies, and that no operation on files forgets it.
#include "files_fixture.hpp"
#include "make_archive.hpp"

#include "plugins/docker/files/answers.hpp"
#include "plugins/docker/files/archive.hpp"
#include "plugins/docker/files/change.hpp"
#include "plugins/docker/files/copy.hpp"
#include "plugins/docker/files/list.hpp"
#include "plugins/docker/files/read.hpp"
#include "plugins/docker/files/remove.hpp"
#include "plugins/docker/files/write.hpp"

namespace {

using namespace agenthost::docker::files;
using agenthost::test::code_of;
using agenthost::test::FilesFixture;
using agenthost::test::path;
namespace fs = std::filesystem;

using Patterns = std::vector<std::string>;

bool covers(Patterns patterns, std::string_view name) { return Denylist{std::move(patterns)}.covers(name); }

TEST(Denylist, DeniesANameAtAnyDepthAndWhatIsBelowIt)
{
    EXPECT_TRUE(covers({"secret.yml"}, "secret.yml"));
    EXPECT_TRUE(covers({"secret.yml"}, "a/b/secret.yml"));
    EXPECT_TRUE(covers({"keys"}, "a/keys/b/c"));
    EXPECT_TRUE(covers({"*.key"}, "config/a.key"));
    EXPECT_FALSE(covers({"*.key"}, "config/a.keys"));
    EXPECT_FALSE(covers({"secret.yml"}, "secret.yml.txt"));
    EXPECT_FALSE(covers({}, "secret.yml"));
    EXPECT_FALSE(covers({"*"}, "")) << "the server's folder itself";
}

TEST(Denylist, ReadsAPatternWithASlashFromTheServersFolder)
{
    EXPECT_TRUE(covers({"/eula.txt"}, "eula.txt"));
    EXPECT_FALSE(covers({"/eula.txt"}, "a/eula.txt"));
    EXPECT_TRUE(covers({"config/*.key"}, "config/a.key"));
    EXPECT_TRUE(covers({"./config/*.key"}, "config/a.key"));
    EXPECT_FALSE(covers({"config/*.key"}, "config/a/b.key")) << "* stays within a name";
    EXPECT_FALSE(covers({"config/*.key"}, "x/config/a.key"));
    EXPECT_TRUE(covers({"config/"}, "x/config/a.key"));
    EXPECT_TRUE(covers({"config/"}, "config"));
}

TEST(Denylist, KnowsTwoStarsSetsEscapesAndExceptions)
{
    EXPECT_TRUE(covers({"**/a/b"}, "a/b"));
    EXPECT_TRUE(covers({"**/a/b"}, "x/y/a/b/c"));
    EXPECT_TRUE(covers({"a/**/b"}, "a/b"));
    EXPECT_TRUE(covers({"a/**/b"}, "a/x/y/b"));
    EXPECT_FALSE(covers({"a/**"}, "a"));
    EXPECT_TRUE(covers({"a/**"}, "a/x"));
    EXPECT_TRUE(covers({"[a-c]?.txt"}, "bx.txt"));
    EXPECT_FALSE(covers({"[!a-c]?.txt"}, "bx.txt"));
    EXPECT_TRUE(covers({"[!a-c]?.txt"}, "zx.txt"));
    EXPECT_TRUE(covers({"a[b"}, "a[b")) << "a set without its end";
    EXPECT_TRUE(covers({"\\*"}, "*"));
    EXPECT_FALSE(covers({"\\*"}, "a"));
    EXPECT_TRUE(covers({"\\#a", "# b", ""}, "#a"));
    EXPECT_FALSE(covers({"# b"}, "# b"));
    EXPECT_FALSE(covers({"*.key", "!public.key"}, "a/public.key"));
    EXPECT_TRUE(covers({"keys", "!keys/public.key"}, "keys/public.key")) << "its folder is denied";
    EXPECT_TRUE(covers({std::string(500, '*') + "b"}, std::string(250, 'a') + "b"));
}

TEST(Denylist, KnowsWhatALinkWouldTakeAway)
{
    const auto above = [](Patterns patterns, std::string_view name) {
        return Denylist{std::move(patterns)}.is_above_denied(name);
    };
    EXPECT_TRUE(above({"config/*.key"}, "config"));
    EXPECT_TRUE(above({"/a/b/c"}, "a"));
    EXPECT_TRUE(above({"/a/b/c"}, "a/b"));
    EXPECT_FALSE(above({"/a/b/c"}, "a/x"));
    EXPECT_FALSE(above({"/a/b/c"}, "b"));
    EXPECT_FALSE(above({"/a/b/c"}, ""));
    EXPECT_TRUE(above({"a/**"}, "a"));
    EXPECT_TRUE(above({"a/**/b"}, "a/x/y"));
    EXPECT_TRUE(above({"**/a/b"}, "x/a"));
    EXPECT_FALSE(above({"**/a/b"}, "x")) << "a/b is denied wherever x leads";
    EXPECT_FALSE(above({"secret.yml", "/secret.yml", "!/a/b"}, "a"));
}

struct Denied : ::testing::Test {
    Denied()
    {
        fixture.put("secret.yml", "TOPSECRET");
        fixture.put("config/a.key", "KEY");
        fixture.put("config/plain.txt", "plain");
        fixture.put("other/a.key", "free");
        fs::create_directory_symlink(".", fixture.in("way"));
        root = std::make_shared<Root>(*fixture.root, Denylist{{"secret.yml", "config/*.key"}});
    }
    std::string refused(const std::function<void()>& action, std::string_view named)
    {
        std::string text;
        const std::string code = code_of(action, &text);
        EXPECT_NE(text.find(named), std::string::npos) << text;
        EXPECT_EQ(fixture.get("secret.yml"), "TOPSECRET");
        EXPECT_EQ(fixture.get("config/a.key"), "KEY");
        EXPECT_EQ(fixture.leftovers(), 0u);
        return code;
    }

    FilesFixture fixture;
    std::shared_ptr<Root> root;
    agenthost::docker::files::Control& control = fixture.control;
};

TEST_F(Denied, RefusesWhatNamesTheFile)
{
    using Action = std::function<void(const Path&)>;
    const std::pair<const char*, Action> actions[] = {
        {"read", [&](const Path& p) { read_part(*root, p); }},
        {"stream",
         [&](const Path& p) {
             Reader{*root, p};
         }},
        {"describe", [&](const Path& p) { describe(*root, p); }},
        {"list", [&](const Path& p) { list_folder(*root, p, {}, control); }},
        {"write", [&](const Path& p) { write_file(*root, p, "OWNED", {.make_parents = true}); }},
        {"folder", [&](const Path& p) { make_folder(*root, p, {.parents = true}); }},
        {"mode", [&](const Path& p) { change_mode(*root, p, 0600); }},
        {"rename", [&](const Path& p) { rename_path(*root, p, path("z"), {}); }},
        {"rename to", [&](const Path& p) { rename_path(*root, path("other/a.key"), p, {.replace = true}); }},
        {"copy", [&](const Path& p) { copy_path(*root, p, path("z"), {}, control); }},
        {"copy to",
         [&](const Path& p) { copy_path(*root, path("other/a.key"), p, {.replace = true}, control); }},
        {"delete", [&](const Path& p) { remove_path(*root, p, control); }},
        {"pack", [&](const Path& p) { pack(*root, Path{}, {p}, path("z.tar"), {}, control); }},
        {"unpack", [&](const Path& p) { unpack(*root, p, path("z"), {}, control); }},
        {"unpack to", [&](const Path& p) {
             pack(*root, path("other"), {path("other")}, path("o.tar"), {.replace = true}, control);
             unpack(*root, path("o.tar"), p, {}, control);
         }}};
    for (const auto& [name, action] : actions)
        for (const char* denied : {"secret.yml", "config/a.key", "config//./a.key", "/server/secret.yml"}) {
            SCOPED_TRACE(std::string{name} + " " + denied);
            EXPECT_EQ(refused([&] { action(path(denied)); }, "file_denylist"), "DENIED");
            EXPECT_FALSE(fs::exists(fixture.in("z")));
        }
}

TEST_F(Denied, RefusesTheFileBehindALink)
{
    EXPECT_EQ(refused([&] { read_part(*root, path("way/config/a.key")); }, "config/a.key"), "DENIED");
    EXPECT_EQ(
        refused([&] { copy_path(*root, path("way/config/a.key"), path("z"), {}, control); }, "config/a.key"),
        "DENIED");
    EXPECT_EQ(
        refused(
            [&] { pack(*root, path("way/config"), {path("way/config/a.key")}, path("z.tar"), {}, control); },
            "config/a.key"),
        "DENIED");
    EXPECT_EQ(read_part(*root, path("way/config/plain.txt")).bytes, "plain");
}

TEST_F(Denied, StaysInItsFolder)
{
    for (const char* name : {"config", "/server/config/"}) {
        EXPECT_EQ(refused([&] { rename_path(*root, path(name), path("p/c2"), {.make_parents = true}); },
                          "config/a.key"),
                  "DENIED");
        EXPECT_EQ(
            refused([&] { copy_path(*root, path(name), path("p/c2"), {.make_parents = true}, control); },
                    "config/a.key"),
            "DENIED");
        EXPECT_EQ(refused([&] { remove_path(*root, path(name), control); }, "config/a.key"), "DENIED");
    }
    EXPECT_FALSE(fs::exists(fixture.in("p"))) << "nothing changes before a refusal";
    EXPECT_EQ(fixture.get("config/plain.txt"), "plain");
    change_mode(*root, path("config"), 0700); // not the file's
}

TEST_F(Denied, DoesNotAppearByMovingOrCopyingAFolder)
{
    fs::remove_all(fixture.in("config"));
    for (const auto& move : std::vector<std::function<void()>>{
             [&] { rename_path(*root, path("other"), path("config"), {}); },
             [&] { copy_path(*root, path("other"), path("config"), {}, control); }}) {
        std::string text;
        EXPECT_EQ(code_of(move, &text), "DENIED");
        EXPECT_NE(text.find("config/a.key"), std::string::npos) << text;
        EXPECT_FALSE(fs::exists(fixture.in("config")));
    }
    rename_path(*root, path("other"), path("third"), {});
    EXPECT_EQ(fixture.get("third/a.key"), "free");
}

TEST_F(Denied, IsLeftOutOfAnArchiveAndReported)
{
    const Packed all =
        pack(*root, Path{}, {Path{}}, path("all.tar"), {.format = ArchiveFormat::tar}, control);
    EXPECT_EQ(all.left_out, 2u);
    ASSERT_EQ(all.reports.size(), 2u);
    const Packed one = pack(*root, path("way/config"), {path("way/config/plain.txt")}, path("way.tar"),
                            {.format = ArchiveFormat::tar}, control);
    EXPECT_EQ(one.left_out, 0u);
    const Packed two =
        pack(*root, Path{}, {path("config")}, path("config.tar"), {.format = ArchiveFormat::tar}, control);
    EXPECT_EQ(two.reports, Patterns{"config/a.key is forbidden by the egg's file_denylist"});
    EXPECT_EQ(fixture.get("all.tar").find("TOPSECRET"), std::string::npos);
    EXPECT_EQ(fixture.get("all.tar").find("KEY"), std::string::npos);
    EXPECT_NE(fixture.get("all.tar").find("free"), std::string::npos);
}

TEST_F(Denied, IsNotOverwrittenByAnArchive)
{
    fs::create_directories(fixture.in("src/config"));
    fixture.put("src/secret.yml", "OWNED");
    fixture.put("src/config/a.key", "OWNED");
    fixture.put("src/first.txt", "first");
    pack(*fixture.root, path("src"), {path("src")}, path("o.tar"), {.format = ArchiveFormat::tar}, control);
    EXPECT_EQ(refused([&] { unpack(*root, path("o.tar"), Path{}, {}, control); }, "Nothing was unpacked"),
              "DENIED");
    EXPECT_FALSE(fs::exists(fixture.in("first.txt")));
    EXPECT_EQ(code_of([&] { unpack(*root, path("o.tar"), path("x"), {}, control); }), "DENIED")
        << "secret.yml is denied at any depth";
    fs::remove(fixture.in("src/secret.yml"));
    pack(*fixture.root, path("src"), {path("src")}, path("p.tar"), {.format = ArchiveFormat::tar}, control);
    EXPECT_EQ(refused([&] { unpack(*root, path("p.tar"), Path{}, {}, control); }, "config/a.key"), "DENIED");
    unpack(*root, path("p.tar"), path("x"), {}, control);
    EXPECT_EQ(fixture.get("x/config/a.key"), "OWNED") << "denied in the folder config at the top only";
}

TEST_F(Denied, IsNotTakenByAnArchiveWhateverTheTypeOfTheEntry)
{
    using agenthost::test::MadeEntry;
    fs::remove(fixture.in("secret.yml"));
    const MadeEntry first{.name = "first.txt", .content = "first"};
    const MadeEntry entries[] = {{.name = "secret.yml", .content = "x"},
                                 {.name = "secret.yml", .type = AE_IFDIR},
                                 {.name = "a/secret.yml/", .type = AE_IFDIR},
                                 {.name = "secret.yml", .type = AE_IFLNK, .link = "other"},
                                 {.name = "secret.yml", .hard_link = "first.txt"},
                                 {.name = "secret.yml", .type = AE_IFIFO},
                                 {.name = "./secret.yml/b", .content = "x"}};
    for (const MadeEntry& entry : entries) {
        agenthost::test::make_archive(fixture.in("e.tar"), "pax", "none", {first, entry});
        EXPECT_EQ(code_of([&] { unpack(*root, path("e.tar"), Path{}, {}, control); }), "DENIED");
        EXPECT_FALSE(fs::exists(fixture.in("first.txt")));
    }
}

// The game would put config/a.key behind the link, where it is not denied.
TEST_F(Denied, DoesNotMoveBecauseItsFolderBecomesALink)
{
    fs::remove_all(fixture.in("config"));
    fs::create_directories(fixture.in("tree"));
    fs::create_directory_symlink("other", fixture.in("link"));
    fs::create_directory_symlink("../other", fixture.in("tree/config"));
    agenthost::test::make_archive(fixture.in("l.tar"), "pax", "none",
                                  {{.name = "config", .type = AE_IFLNK, .link = "other"}});
    const Denylist deep{{"config/*.key", "/x/config/*.key"}};
    root = std::make_shared<Root>(*fixture.root, deep);
    const std::vector<std::function<void()>> actions{
        [&] { unpack(*root, path("l.tar"), Path{}, {}, control); },
        [&] { unpack(*root, path("l.tar"), path("x"), {}, control); },
        [&] { rename_path(*root, path("link"), path("config"), {}); },
        [&] { copy_path(*root, path("link"), path("config"), {}, control); },
        [&] { rename_path(*root, path("tree"), path("x"), {}); },
        [&] { copy_path(*root, path("tree"), path("x"), {}, control); }};
    for (const auto& action : actions) {
        std::string text;
        EXPECT_EQ(code_of(action, &text), "DENIED");
        EXPECT_NE(text.find("file_denylist"), std::string::npos) << text;
        EXPECT_FALSE(fs::exists(fs::symlink_status(fixture.in("config"))));
        EXPECT_FALSE(fs::exists(fs::symlink_status(fixture.in("x"))));
    }
    unpack(*root, path("l.tar"), path("free"), {}, control);
    EXPECT_TRUE(fs::is_symlink(fixture.in("free/config")));
    rename_path(*root, path("link"), path("free/link"), {});
    // One that is there already takes no place.
    fs::create_directory_symlink("other", fixture.in("config"));
    remove_path(*root, path("config"), control);
    EXPECT_FALSE(fs::exists(fs::symlink_status(fixture.in("config"))));
}

TEST_F(Denied, IsListedWithAMark)
{
    const auto denied = [&](const Path& folder) {
        Patterns names;
        for (const Entry& entry : list_folder(*root, folder, {}, control).entries)
            if (entry.denied) names.push_back(entry.name);
        return names;
    };
    EXPECT_EQ(denied(Path{}), Patterns{"secret.yml"});
    EXPECT_EQ(denied(path("config")), Patterns{"a.key"});
    EXPECT_EQ(denied(path("way/config")), Patterns{"a.key"});
    EXPECT_EQ(denied(path("other")), Patterns{});
    const std::string json = list_answer("/config", list_folder(*root, path("config"), {}, control));
    EXPECT_NE(json.find("\"denied\":true"), std::string::npos) << json;
}

TEST_F(Denied, IsStillTheAgentsToTouch)
{
    EXPECT_EQ(read_part(*fixture.root, path("secret.yml")).bytes, "TOPSECRET");
    remove_contents(*fixture.root, control);
    EXPECT_FALSE(fs::exists(fixture.in("secret.yml")));
}

} // namespace
