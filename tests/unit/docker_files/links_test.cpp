// Links, FIFOs and devices that stand still. Those that move: race_test.cpp.
#include "plugins/docker/files/archive.hpp"
#include "plugins/docker/files/change.hpp"
#include "plugins/docker/files/copy.hpp"
#include "plugins/docker/files/edit_file.hpp"
#include "plugins/docker/files/list.hpp"
#include "plugins/docker/files/read.hpp"
#include "plugins/docker/files/remove.hpp"
#include "plugins/docker/files/write.hpp"

#include "world.hpp"

#include <sys/sysmacros.h>

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;

// Every action, at a path. Each must refuse or act on the name itself.
std::vector<std::pair<std::string, std::function<void(World&, const Path&)>>> actions()
{
    return {
        {"list", [](World& w, const Path& p) { list_folder(*w.root, p, {}, w.control); }},
        {"read", [](World& w, const Path& p) { read_part(*w.root, p); }},
        {"write", [](World& w, const Path& p) { write_file(*w.root, p, "x", {}); }},
        {"mkdir", [](World& w, const Path& p) { make_folder(*w.root, p, {.parents = true}); }},
        {"chmod", [](World& w, const Path& p) { change_mode(*w.root, p, 0777); }},
        {"copy", [](World& w, const Path& p) { copy_path(*w.root, p, path("copied"), {}, w.control); }},
        {"copy to", [](World& w, const Path& p) { copy_path(*w.root, path("good"), p, {}, w.control); }},
        {"rename to", [](World& w, const Path& p) { rename_path(*w.root, path("good"), p, {}); }},
        {"pack",
         [](World& w, const Path& p) {
             pack(*w.root, {}, {p}, path("a.tar"), {.format = ArchiveFormat::tar}, w.control);
         }},
        {"pack to", [](World& w, const Path& p) { pack(*w.root, {}, {path("good")}, p, {}, w.control); }},
        {"unpack", [](World& w, const Path& p) { unpack(*w.root, p, path("to"), {}, w.control); }},
        {"unpack to", [](World& w, const Path& p) { unpack(*w.root, path("good.tar"), p, {}, w.control); }},
        {"edit",
         [](World& w, const Path& p) {
             edit_file(*w.root, p, FileFormat::properties, {{.where = "a", .value = "b"}});
         }},
        {"remove", [](World& w, const Path& p) { remove_path(*w.root, p, w.control); }},
    };
}

void fill(World& world)
{
    world.put("good", "good");
    pack(*world.root, {}, {path("good")}, path("good.tar"), {.format = ArchiveFormat::tar}, world.control);
}

TEST(FileLinks, NeverLeadOutside)
{
    for (const char* target : {"../outside", "ABSOLUTE", "../outside/secret"}) {
        for (const auto& [name, action] : actions()) {
            for (const std::string below : {"", "/secret", "/new"}) {
                World world;
                fill(world);
                const std::string to = target == std::string{"ABSOLUTE"} ? world.out("").string() : target;
                fs::create_symlink(to, world.in("link"));
                const auto before = world.outside();
                const std::string code = code_of([&] { action(world, path("link" + below)); });
                EXPECT_EQ(world.outside(), before) << name << " link" << below << " -> " << to;
                EXPECT_TRUE(below.empty() || !code.empty()) << name << " link" << below << " -> " << to;
                for (const auto& entry : fs::recursive_directory_iterator{world.in("")})
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
    World world;
    world.put("real/a", "A");
    fs::create_symlink("real", world.in("link"));
    EXPECT_EQ(read_part(*world.root, path("link/a")).bytes, "A");
    EXPECT_EQ(code_of([&] { list_folder(*world.root, path("link"), {}, world.control); }), "DENIED");
    EXPECT_EQ(code_of([&] { write_file(*world.root, path("link/a"), "B", {}); }), "DENIED");
    EXPECT_EQ(code_of([&] { make_folder(*world.root, path("link/b"), {}); }), "DENIED");
    EXPECT_EQ(code_of([&] { change_mode(*world.root, path("link/a"), 0600); }), "DENIED");
    EXPECT_EQ(code_of([&] { remove_path(*world.root, path("link/a"), world.control); }), "DENIED");
    fs::create_symlink("real/a", world.in("file"));
    EXPECT_EQ(code_of([&] { read_part(*world.root, path("file")); }), "DENIED");
    EXPECT_EQ(code_of([&] { write_file(*world.root, path("file"), "B", {}); }), "DENIED");
    remove_path(*world.root, path("link"), world.control);
    EXPECT_EQ(world.get("real/a"), "A");
}

TEST(FileLinks, ALoopEndsInAnError)
{
    World world;
    fs::create_symlink("loop2", world.in("loop1"));
    fs::create_symlink("loop1", world.in("loop2"));
    EXPECT_EQ(code_of([&] { read_part(*world.root, path("loop1/a")); }), "DENIED");
    fs::create_symlink(".", world.in("self"));
    EXPECT_EQ(measure_usage(world.root->fd(), {}, world.control).files, 3u);
}

void refuse_special(World& world, const std::string& name)
{
    std::string text;
    EXPECT_EQ(code_of([&] { read_part(*world.root, path(name)); }, &text), "DENIED");
    EXPECT_NE(text.find("not a regular file"), std::string::npos) << text;
    EXPECT_EQ(code_of([&] { write_file(*world.root, path(name), "x", {}); }), "DENIED");
    EXPECT_EQ(code_of([&] { change_mode(*world.root, path(name), 0666); }), "DENIED");
    EXPECT_EQ(code_of([&] { copy_path(*world.root, path(name), path("c"), {}, world.control); }), "DENIED");
    EXPECT_EQ(code_of([&] { unpack(*world.root, path(name), path("c"), {}, world.control); }), "DENIED");
    world.put("tree/file", "f");
    fs::rename(world.in(name), world.in("tree/" + name));
    EXPECT_EQ(copy_path(*world.root, path("tree"), path("tree2"), {}, world.control).left_out, 1u);
    EXPECT_EQ(
        pack(*world.root, {}, {path("tree")}, path("t.zip"), {.format = ArchiveFormat::zip}, world.control)
            .left_out,
        1u);
    EXPECT_FALSE(fs::exists(world.in("tree2/" + name)));
    remove_path(*world.root, path("tree"), world.control);
    EXPECT_FALSE(fs::exists(world.in("tree")));
}

TEST(FileSpecial, AFifoNeverBlocks)
{
    World world;
    ASSERT_EQ(::mkfifo(world.in("pipe").c_str(), 0666), 0);
    refuse_special(world, "pipe");
}

TEST(FileSpecial, ADeviceIsNeverOpened)
{
    if (!is_root()) GTEST_SKIP() << "only root makes device nodes";
    for (const auto& [type, device] :
         {std::pair{S_IFCHR, makedev(5, 0)}, {S_IFBLK, makedev(7, 0)}, {S_IFCHR, makedev(1, 9)}}) {
        World world;
        if (::mknod(world.in("node").c_str(), type | 0666, device) != 0)
            GTEST_SKIP() << "mknod is not allowed here";
        refuse_special(world, "node");
    }
}

} // namespace
