#include "plugins/docker/files/copy.hpp"
#include "plugins/docker/files/part.hpp"
#include "plugins/docker/files/remove.hpp"
#include "plugins/docker/files/tree_walk.hpp"

#include "world.hpp"

#include <dirent.h>
#include <fcntl.h>

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;
using agenthost::base::Cancel;

std::size_t open_descriptors()
{
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator{"/proc/self/fd"}) count += !entry.path().empty();
    return count;
}

// A chain of folders deeper than a path may be long.
void make_chain(const fs::path& top, int levels)
{
    int at = ::open(top.c_str(), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < levels; ++i) {
        ASSERT_EQ(::mkdirat(at, "level", 0755), 0);
        const int next = ::openat(at, "level", O_RDONLY | O_DIRECTORY);
        ASSERT_GE(next, 0);
        ::close(at);
        at = next;
    }
    ::close(::openat(at, "bottom", O_CREAT | O_WRONLY, 0600));
    ::close(at);
}

TEST(FileTrees, AWalkSeesEachEntryOnceWithFewDescriptors)
{
    World world;
    fs::create_directory(world.in("chain"));
    make_chain(world.in("chain"), 3000);
    const std::size_t before = open_descriptors();
    std::size_t entered = 0, left = 0, files = 0, most = 0;
    TreeWalk walk{world.root->open_folder(path("chain"))};
    while (const auto* at = walk.next()) {
        entered += at->step == TreeWalk::Step::enter;
        left += at->step == TreeWalk::Step::leave;
        files += at->step == TreeWalk::Step::file;
        if ((entered + left) % 500 == 0) most = std::max(most, open_descriptors());
    }
    EXPECT_EQ(entered, 3000u);
    EXPECT_EQ(left, 3000u);
    EXPECT_EQ(files, 1u);
    EXPECT_EQ(walk.lost(), 0u);
    EXPECT_LE(most, before + TreeWalk::kept_open + 5);
    EXPECT_EQ(measure_usage(world.root->fd(), {}, world.control).folders, 3001u);
    EXPECT_EQ(remove_path(*world.root, path("chain"), world.control).entries, 3002u);
    EXPECT_FALSE(fs::exists(world.in("chain")));
}

TEST(FileTrees, DeletesLinksAndNotWhatTheyPointTo)
{
    World world;
    world.put("keep/a", "A");
    fs::create_directories(world.in("tree/inner"));
    fs::create_symlink("../../outside", world.in("tree/out"));
    fs::create_symlink("../keep", world.in("tree/inner/keep"));
    const auto before = world.outside();
    EXPECT_EQ(remove_path(*world.root, path("tree"), world.control).entries, 4u);
    EXPECT_EQ(world.outside(), before);
    EXPECT_EQ(world.get("keep/a"), "A");
    EXPECT_EQ(code_of([&] { remove_path(*world.root, path("/"), world.control); }), "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { remove_path(*world.root, path("tree"), world.control); }), "FILE_NOT_FOUND");
}

TEST(FileTrees, DeletesWhatTheGameMadeUnreadable)
{
    World world;
    world.put("tree/a/b/file", "x");
    for (const char* name : {"tree/a/b", "tree/a", "tree"}) ::chmod(world.in(name).c_str(), 0);
    remove_path(*world.root, path("tree"), world.control);
    EXPECT_FALSE(fs::exists(world.in("tree")));
    world.put("tree/a/file", "x");
    ::chmod(world.in("tree/a").c_str(), 0500);
    ::chmod(world.in("tree").c_str(), 0500);
    remove_path(*world.root, path("tree"), world.control);
    EXPECT_FALSE(fs::exists(world.in("tree")));
}

TEST(FileTrees, EmptiesTheServersFolder)
{
    World world;
    world.put("a/b/c", "x");
    world.put(".hidden", "x");
    EXPECT_EQ(remove_contents(*world.root, world.control).entries, 4u);
    EXPECT_TRUE(fs::is_empty(world.in("")));
    EXPECT_TRUE(fs::exists(world.out("secret")));
}

TEST(FileTrees, DeletesLeftoversOfEarlierProcessesOnly)
{
    World world;
    world.put("world/.agenthost-0123abcd-7.part", "half");
    world.put(".agenthost-0123abcd-8.part/a/b", "half");
    world.put(new_part_name(), "ours");
    world.put("a.part", "a player's");
    world.put(".agenthost-x.part", "a player's");
    EXPECT_EQ(remove_leftovers(*world.root, world.control).entries, 4u);
    EXPECT_EQ(world.leftovers(), 3u);
}

TEST(FileCopy, CopiesATreeWithItsLinksModesAndTimes)
{
    World world;
    world.put("from/a/b", "content");
    world.put("from/run.sh", "#!/bin/sh");
    fs::create_symlink("../from/a/b", world.in("from/link"));
    fs::create_symlink("/etc/passwd", world.in("from/out"));
    ::chmod(world.in("from/run.sh").c_str(), 04755);
    const timespec times[2] = {{1000, 0}, {2000, 0}};
    ::utimensat(AT_FDCWD, world.in("from/a/b").c_str(), times, 0);
    const Copied copied = copy_path(*world.root, path("from"), path("to"), {}, world.control);
    EXPECT_EQ(copied.entries, 5u);
    EXPECT_EQ(copied.bytes, 16u);
    EXPECT_EQ(world.get("to/a/b"), "content");
    EXPECT_EQ(fs::read_symlink(world.in("to/link")), "../from/a/b");
    EXPECT_EQ(fs::read_symlink(world.in("to/out")), "/etc/passwd");
    struct stat info {};
    ::stat(world.in("to/run.sh").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777, 0755u);
    ::stat(world.in("to/a/b").c_str(), &info);
    EXPECT_EQ(info.st_mtim.tv_sec, 2000);
    EXPECT_EQ(world.leftovers(), 0u);
    EXPECT_EQ(code_of([&] { copy_path(*world.root, path("from"), path("to"), {}, world.control); }),
              "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { copy_path(*world.root, path("from"), path("from/a/c"), {}, world.control); }),
              "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { copy_path(*world.root, path("from"), path("from"), {}, world.control); }),
              "INVALID_REQUEST");
}

TEST(FileCopy, CopiesAndReplacesAFile)
{
    World world;
    world.put("a", "A");
    world.put("b", "B");
    EXPECT_EQ(code_of([&] { copy_path(*world.root, path("a"), path("b"), {}, world.control); }),
              "INVALID_REQUEST");
    EXPECT_EQ(copy_path(*world.root, path("a"), path("b"), {.replace = true}, world.control).bytes, 1u);
    EXPECT_EQ(world.get("b"), "A");
    copy_path(*world.root, path("a"), path("x/y/c"), {.make_parents = true}, world.control);
    EXPECT_EQ(world.get("x/y/c"), "A");
    EXPECT_EQ(world.leftovers(), 0u);
}

TEST(FileCopy, KeepsHoles)
{
    World world;
    world.put("sparse", "begin");
    fs::resize_file(world.in("sparse"), 1 << 30);
    copy_path(*world.root, path("sparse"), path("copy"), {}, world.control);
    struct stat info {};
    ::stat(world.in("copy").c_str(), &info);
    EXPECT_EQ(info.st_size, 1 << 30);
    EXPECT_LT(info.st_blocks * 512, 1 << 20);
}

TEST(FileCopy, StopsAtItsLimitsAndLeavesNothing)
{
    World world;
    for (int i = 0; i < 20; ++i) world.put("from/" + std::to_string(i), std::string(1000, 'x'));
    EXPECT_EQ(code_of([&] {
                  copy_path(*world.root, path("from"), path("to"), {.max_entries = 10}, world.control);
              }),
              "TOO_LARGE");
    EXPECT_EQ(code_of([&] {
                  copy_path(*world.root, path("from"), path("to"), {.max_bytes = 5000}, world.control);
              }),
              "TOO_LARGE");
    fs::create_directory(world.in("chain"));
    make_chain(world.in("chain"), 200);
    EXPECT_EQ(code_of([&] { copy_path(*world.root, path("chain"), path("to"), {}, world.control); }),
              "TOO_LARGE");
    EXPECT_FALSE(fs::exists(world.in("to")));
    EXPECT_EQ(world.leftovers(), 0u);
}

TEST(FileCopy, CancelledLeavesNothing)
{
    World world;
    for (int i = 0; i < 200; ++i) world.put("from/" + std::to_string(i), std::string(100, 'x'));
    Cancel cancel;
    int reports = 0;
    Control control{&cancel, [&](const Progress& progress) {
                        ++reports;
                        if (progress.entries > 0) cancel.set();
                    }};
    EXPECT_EQ(code_of([&] { copy_path(*world.root, path("from"), path("to"), {}, control); }), "CANCELLED");
    EXPECT_EQ(reports, 1);
    EXPECT_FALSE(fs::exists(world.in("to")));
    EXPECT_EQ(world.leftovers(), 0u);
    EXPECT_EQ(code_of([&] { remove_path(*world.root, path("from"), control); }), "CANCELLED");
    EXPECT_EQ(code_of([&] { remove_leftovers(*world.root, control); }), "CANCELLED");
    EXPECT_TRUE(fs::exists(world.in("from")));
}

} // namespace
