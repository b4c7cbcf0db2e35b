#include "plugins/docker/files/copy.hpp"
#include "plugins/docker/files/part.hpp"
#include "plugins/docker/files/remove.hpp"
#include "plugins/docker/files/tree_walk.hpp"

#include "files_fixture.hpp"

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
    FilesFixture fixture;
    fs::create_directory(fixture.in("chain"));
    make_chain(fixture.in("chain"), 3000);
    const std::size_t before = open_descriptors();
    std::size_t entered = 0, left = 0, files = 0, most = 0;
    TreeWalk walk{fixture.root->open_folder(path("chain"))};
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
    EXPECT_EQ(measure_usage(fixture.root->fd(), {}, fixture.control).folders, 3001u);
    EXPECT_EQ(remove_path(*fixture.root, path("chain"), fixture.control).entries, 3002u);
    EXPECT_FALSE(fs::exists(fixture.in("chain")));
}

TEST(FileTrees, DeletesLinksAndNotWhatTheyPointTo)
{
    FilesFixture fixture;
    fixture.put("keep/a", "A");
    fs::create_directories(fixture.in("tree/inner"));
    fs::create_symlink("../../outside", fixture.in("tree/out"));
    fs::create_symlink("../keep", fixture.in("tree/inner/keep"));
    const auto before = fixture.outside();
    EXPECT_EQ(remove_path(*fixture.root, path("tree"), fixture.control).entries, 4u);
    EXPECT_EQ(fixture.outside(), before);
    EXPECT_EQ(fixture.get("keep/a"), "A");
    EXPECT_EQ(code_of([&] { remove_path(*fixture.root, path("/"), fixture.control); }), "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { remove_path(*fixture.root, path("tree"), fixture.control); }), "FILE_NOT_FOUND");
}

TEST(FileTrees, DeletesWhatTheGameMadeUnreadable)
{
    FilesFixture fixture;
    fixture.put("tree/a/b/file", "x");
    for (const char* name : {"tree/a/b", "tree/a", "tree"}) ::chmod(fixture.in(name).c_str(), 0);
    remove_path(*fixture.root, path("tree"), fixture.control);
    EXPECT_FALSE(fs::exists(fixture.in("tree")));
    fixture.put("tree/a/file", "x");
    ::chmod(fixture.in("tree/a").c_str(), 0500);
    ::chmod(fixture.in("tree").c_str(), 0500);
    remove_path(*fixture.root, path("tree"), fixture.control);
    EXPECT_FALSE(fs::exists(fixture.in("tree")));
}

TEST(FileTrees, EmptiesTheServersFolder)
{
    FilesFixture fixture;
    fixture.put("a/b/c", "x");
    fixture.put(".hidden", "x");
    EXPECT_EQ(remove_contents(*fixture.root, fixture.control).entries, 4u);
    EXPECT_TRUE(fs::is_empty(fixture.in("")));
    EXPECT_TRUE(fs::exists(fixture.out("secret")));
}

TEST(FileTrees, DeletesLeftoversOfEarlierProcessesOnly)
{
    FilesFixture fixture;
    fixture.put("fixture/.agenthost-0123abcd-7.part", "half");
    fixture.put(".agenthost-0123abcd-8.part/a/b", "half");
    fixture.put(new_part_name(), "ours");
    fixture.put("a.part", "a player's");
    fixture.put(".agenthost-x.part", "a player's");
    EXPECT_EQ(remove_leftovers(*fixture.root, fixture.control).entries, 4u);
    EXPECT_EQ(fixture.leftovers(), 3u);
}

TEST(FileCopy, CopiesATreeWithItsLinksModesAndTimes)
{
    FilesFixture fixture;
    fixture.put("from/a/b", "content");
    fixture.put("from/run.sh", "#!/bin/sh");
    fs::create_symlink("../from/a/b", fixture.in("from/link"));
    fs::create_symlink("/etc/passwd", fixture.in("from/out"));
    ::chmod(fixture.in("from/run.sh").c_str(), 04755);
    const timespec times[2] = {{1000, 0}, {2000, 0}};
    ::utimensat(AT_FDCWD, fixture.in("from/a/b").c_str(), times, 0);
    const Copied copied = copy_path(*fixture.root, path("from"), path("to"), {}, fixture.control);
    EXPECT_EQ(copied.entries, 5u);
    EXPECT_EQ(copied.bytes, 16u);
    EXPECT_EQ(fixture.get("to/a/b"), "content");
    EXPECT_EQ(fs::read_symlink(fixture.in("to/link")), "../from/a/b");
    EXPECT_EQ(fs::read_symlink(fixture.in("to/out")), "/etc/passwd");
    struct stat info {};
    ::stat(fixture.in("to/run.sh").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777, 0755u);
    ::stat(fixture.in("to/a/b").c_str(), &info);
    EXPECT_EQ(info.st_mtim.tv_sec, 2000);
    EXPECT_EQ(fixture.leftovers(), 0u);
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path("from"), path("to"), {}, fixture.control); }),
              "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path("from"), path("from/a/c"), {}, fixture.control); }),
              "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path("from"), path("from"), {}, fixture.control); }),
              "INVALID_REQUEST");
}

TEST(FileCopy, CopiesAndReplacesAFile)
{
    FilesFixture fixture;
    fixture.put("a", "A");
    fixture.put("b", "B");
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path("a"), path("b"), {}, fixture.control); }),
              "INVALID_REQUEST");
    EXPECT_EQ(copy_path(*fixture.root, path("a"), path("b"), {.replace = true}, fixture.control).bytes, 1u);
    EXPECT_EQ(fixture.get("b"), "A");
    copy_path(*fixture.root, path("a"), path("x/y/c"), {.make_parents = true}, fixture.control);
    EXPECT_EQ(fixture.get("x/y/c"), "A");
    EXPECT_EQ(fixture.leftovers(), 0u);
}

TEST(FileCopy, KeepsHoles)
{
    FilesFixture fixture;
    fixture.put("sparse", "begin");
    fs::resize_file(fixture.in("sparse"), 1 << 30);
    copy_path(*fixture.root, path("sparse"), path("copy"), {}, fixture.control);
    struct stat info {};
    ::stat(fixture.in("copy").c_str(), &info);
    EXPECT_EQ(info.st_size, 1 << 30);
    EXPECT_LT(info.st_blocks * 512, 1 << 20);
}

TEST(FileCopy, StopsAtItsLimitsAndLeavesNothing)
{
    FilesFixture fixture;
    for (int i = 0; i < 20; ++i) fixture.put("from/" + std::to_string(i), std::string(1000, 'x'));
    EXPECT_EQ(code_of([&] {
                  copy_path(*fixture.root, path("from"), path("to"), {.max_entries = 10}, fixture.control);
              }),
              "TOO_LARGE");
    EXPECT_EQ(code_of([&] {
                  copy_path(*fixture.root, path("from"), path("to"), {.max_bytes = 5000}, fixture.control);
              }),
              "TOO_LARGE");
    fs::create_directory(fixture.in("chain"));
    make_chain(fixture.in("chain"), 200);
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path("chain"), path("to"), {}, fixture.control); }),
              "TOO_LARGE");
    EXPECT_FALSE(fs::exists(fixture.in("to")));
    EXPECT_EQ(fixture.leftovers(), 0u);
}

TEST(FileCopy, CancelledLeavesNothing)
{
    FilesFixture fixture;
    for (int i = 0; i < 200; ++i) fixture.put("from/" + std::to_string(i), std::string(100, 'x'));
    Cancel cancel;
    int reports = 0;
    Control control{&cancel, [&](const Progress& progress) {
                        ++reports;
                        if (progress.entries > 0) cancel.set();
                    }};
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path("from"), path("to"), {}, control); }), "CANCELLED");
    EXPECT_EQ(reports, 1);
    EXPECT_FALSE(fs::exists(fixture.in("to")));
    EXPECT_EQ(fixture.leftovers(), 0u);
    EXPECT_EQ(code_of([&] { remove_path(*fixture.root, path("from"), control); }), "CANCELLED");
    EXPECT_EQ(code_of([&] { remove_leftovers(*fixture.root, control); }), "CANCELLED");
    EXPECT_TRUE(fs::exists(fixture.in("from")));
}

} // namespace
