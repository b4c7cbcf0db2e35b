// Links, FIFOs and devices that do not change. race_test.cpp has those that do.
#include "plugins/docker/files/archive.hpp"
#include "plugins/docker/files/change.hpp"
#include "plugins/docker/files/copy.hpp"
#include "plugins/docker/files/edit_file.hpp"
#include "plugins/docker/files/list.hpp"
#include "plugins/docker/files/read.hpp"
#include "plugins/docker/files/remove.hpp"
#include "plugins/docker/files/write.hpp"

#include "files_fixture.hpp"

#include <sys/sysmacros.h>

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;

// Every action, at a path. Each must refuse or act on the name itself.
std::vector<std::pair<std::string, std::function<void(FilesFixture&, const Path&)>>> actions()
{
    return {
        {"list", [](FilesFixture& f, const Path& p) { list_folder(*f.root, p, {}, f.control); }},
        {"read", [](FilesFixture& f, const Path& p) { read_part(*f.root, p); }},
        {"write", [](FilesFixture& f, const Path& p) { write_file(*f.root, p, "x", {}); }},
        {"mkdir", [](FilesFixture& f, const Path& p) { make_folder(*f.root, p, {.parents = true}); }},
        {"chmod", [](FilesFixture& f, const Path& p) { change_mode(*f.root, p, 0777); }},
        {"copy",
         [](FilesFixture& f, const Path& p) { copy_path(*f.root, p, path("copied"), {}, f.control); }},
        {"copy to",
         [](FilesFixture& f, const Path& p) { copy_path(*f.root, path("good"), p, {}, f.control); }},
        {"rename to", [](FilesFixture& f, const Path& p) { rename_path(*f.root, path("good"), p, {}); }},
        {"pack",
         [](FilesFixture& f, const Path& p) {
             pack(*f.root, {}, {p}, path("a.tar"), {.format = ArchiveFormat::tar}, f.control);
         }},
        {"pack to",
         [](FilesFixture& f, const Path& p) { pack(*f.root, {}, {path("good")}, p, {}, f.control); }},
        {"unpack", [](FilesFixture& f, const Path& p) { unpack(*f.root, p, path("to"), {}, f.control); }},
        {"unpack to",
         [](FilesFixture& f, const Path& p) { unpack(*f.root, path("good.tar"), p, {}, f.control); }},
        {"edit",
         [](FilesFixture& f, const Path& p) {
             edit_file(*f.root, p, FileFormat::properties, {{.where = "a", .value = "b"}});
         }},
        {"remove", [](FilesFixture& f, const Path& p) { remove_path(*f.root, p, f.control); }},
    };
}

void put_good_archive(FilesFixture& fixture)
{
    fixture.put("good", "good");
    pack(*fixture.root, {}, {path("good")}, path("good.tar"), {.format = ArchiveFormat::tar},
         fixture.control);
}

TEST(FileLinks, NeverLeadOutside)
{
    for (const char* target : {"../outside", "ABSOLUTE", "../outside/secret"}) {
        for (const auto& [name, action] : actions()) {
            for (const std::string below : {"", "/secret", "/new"}) {
                FilesFixture fixture;
                put_good_archive(fixture);
                const std::string to = target == std::string{"ABSOLUTE"} ? fixture.out("").string() : target;
                fs::create_symlink(to, fixture.in("link"));
                const auto before = fixture.outside();
                const std::string code = code_of([&] { action(fixture, path("link" + below)); });
                EXPECT_EQ(fixture.outside(), before) << name << " link" << below << " -> " << to;
                EXPECT_TRUE(below.empty() || !code.empty()) << name << " link" << below << " -> " << to;
                for (const auto& entry : fs::recursive_directory_iterator{fixture.in("")})
                    if (entry.is_regular_file() && !entry.is_symlink()) {
                        EXPECT_EQ(read_file(entry.path()).find("classified"), std::string::npos)
                            << name << entry.path();
                    }
            }
        }
    }
}

TEST(FileLinks, InsideTheFolderAreFollowedForReadingParentsOnly)
{
    FilesFixture fixture;
    fixture.put("real/a", "A");
    fs::create_symlink("real", fixture.in("link"));
    EXPECT_EQ(read_part(*fixture.root, path("link/a")).bytes, "A");
    EXPECT_EQ(code_of([&] { list_folder(*fixture.root, path("link"), {}, fixture.control); }), "DENIED");
    EXPECT_EQ(code_of([&] { write_file(*fixture.root, path("link/a"), "B", {}); }), "DENIED");
    EXPECT_EQ(code_of([&] { make_folder(*fixture.root, path("link/b"), {}); }), "DENIED");
    EXPECT_EQ(code_of([&] { change_mode(*fixture.root, path("link/a"), 0600); }), "DENIED");
    EXPECT_EQ(code_of([&] { remove_path(*fixture.root, path("link/a"), fixture.control); }), "DENIED");
    fs::create_symlink("real/a", fixture.in("file"));
    EXPECT_EQ(code_of([&] { read_part(*fixture.root, path("file")); }), "DENIED");
    EXPECT_EQ(code_of([&] { write_file(*fixture.root, path("file"), "B", {}); }), "DENIED");
    remove_path(*fixture.root, path("link"), fixture.control);
    EXPECT_EQ(fixture.get("real/a"), "A");
}

TEST(FileLinks, ALoopEndsInAnError)
{
    FilesFixture fixture;
    fs::create_symlink("loop2", fixture.in("loop1"));
    fs::create_symlink("loop1", fixture.in("loop2"));
    EXPECT_EQ(code_of([&] { read_part(*fixture.root, path("loop1/a")); }), "DENIED");
    fs::create_symlink(".", fixture.in("self"));
    EXPECT_EQ(measure_usage(fixture.root->fd(), {}, fixture.control).files, 3u);
}

void refuse_special(FilesFixture& fixture, const std::string& name)
{
    std::string text;
    EXPECT_EQ(code_of([&] { read_part(*fixture.root, path(name)); }, &text), "DENIED");
    EXPECT_NE(text.find("not a regular file"), std::string::npos) << text;
    EXPECT_EQ(code_of([&] { write_file(*fixture.root, path(name), "x", {}); }), "DENIED");
    EXPECT_EQ(code_of([&] { change_mode(*fixture.root, path(name), 0666); }), "DENIED");
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path(name), path("c"), {}, fixture.control); }),
              "DENIED");
    EXPECT_EQ(code_of([&] { unpack(*fixture.root, path(name), path("c"), {}, fixture.control); }), "DENIED");
    fixture.put("tree/file", "f");
    fs::rename(fixture.in(name), fixture.in("tree/" + name));
    EXPECT_EQ(copy_path(*fixture.root, path("tree"), path("tree2"), {}, fixture.control).left_out, 1u);
    EXPECT_EQ(pack(*fixture.root, {}, {path("tree")}, path("t.zip"), {.format = ArchiveFormat::zip},
                   fixture.control)
                  .left_out,
              1u);
    EXPECT_FALSE(fs::exists(fixture.in("tree2/" + name)));
    remove_path(*fixture.root, path("tree"), fixture.control);
    EXPECT_FALSE(fs::exists(fixture.in("tree")));
}

TEST(FileSpecial, AFifoNeverBlocks)
{
    FilesFixture fixture;
    ASSERT_EQ(::mkfifo(fixture.in("pipe").c_str(), 0666), 0);
    refuse_special(fixture, "pipe");
}

TEST(FileSpecial, ADeviceIsNeverOpened)
{
    if (!is_root()) GTEST_SKIP() << "only root makes device nodes";
    for (const auto& [type, device] :
         {std::pair{S_IFCHR, makedev(5, 0)}, {S_IFBLK, makedev(7, 0)}, {S_IFCHR, makedev(1, 9)}}) {
        FilesFixture fixture;
        if (::mknod(fixture.in("node").c_str(), type | 0666, device) != 0)
            GTEST_SKIP() << "mknod is not allowed here";
        refuse_special(fixture, "node");
    }
}

} // namespace
