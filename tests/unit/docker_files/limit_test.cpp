#include "plugins/docker/files/archive.hpp"
#include "plugins/docker/files/copy.hpp"
#include "plugins/docker/files/disk_limit.hpp"
#include "plugins/docker/files/remove.hpp"
#include "plugins/docker/files/write.hpp"

#include "files_fixture.hpp"
#include "tests/support/small_disk.hpp"

#include <thread>

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;

DiskLimit::Options at_most(std::uint64_t bytes) { return {.max_bytes = bytes, .keep_free = 0}; }

TEST(DiskLimit, CountsHardLinksOnceAndLinksNotAtAll)
{
    FilesFixture fixture;
    fixture.put("a", std::string(mebibyte, 'x'));
    fs::create_hard_link(fixture.in("a"), fixture.in("b"));
    fs::create_symlink("../outside", fixture.in("out"));
    write_file(fixture.out("big"), std::string(4 * mebibyte, 'x'));
    const Usage usage = measure_usage(fixture.root->fd(), {}, fixture.control);
    EXPECT_TRUE(usage.complete);
    EXPECT_EQ(usage.files, 3u);
    EXPECT_GE(usage.bytes, mebibyte);
    EXPECT_LT(usage.bytes, mebibyte + 65536);
}

TEST(DiskLimit, SaysWhenItsBudgetEnded)
{
    FilesFixture fixture;
    for (int i = 0; i < 100; ++i) fixture.put(std::to_string(i), "x");
    EXPECT_FALSE(measure_usage(fixture.root->fd(), {.max_entries = 50}, fixture.control).complete);
    const std::uint64_t once = measure_usage(fixture.root->fd(), {}, fixture.control).bytes;
    for (int i = 0; i < 100; ++i)
        fs::create_hard_link(fixture.in(std::to_string(i)), fixture.in("l" + std::to_string(i)));
    EXPECT_EQ(measure_usage(fixture.root->fd(), {}, fixture.control).bytes, once);
    EXPECT_GT(measure_usage(fixture.root->fd(), {.max_links = 10}, fixture.control).bytes, once);
}

TEST(DiskLimit, RefusesBeforeTheFirstByteAndWhileWriting)
{
    FilesFixture fixture{at_most(3 * mebibyte)};
    fixture.put("game", std::string(mebibyte, 'g'));
    std::string text;
    EXPECT_EQ(code_of(
                  [&] {
                      Writer{*fixture.root, path("a"), {.declared_size = 3 * mebibyte}};
                  },
                  &text),
              "DISK_FULL");
    EXPECT_NE(text.find("disk limit of 3MiB"), std::string::npos) << text;
    {
        Writer writer{*fixture.root, path("a"), {}};
        const std::string piece(64 << 10, 'x');
        std::uint64_t written = 0;
        EXPECT_EQ(code_of([&] {
                      for (;; written += piece.size()) writer.write(piece);
                  }),
                  "DISK_FULL");
        EXPECT_GE(written, mebibyte);
        EXPECT_LE(written, 2 * mebibyte);
    }
    EXPECT_EQ(fixture.leftovers(), 0u);
    write_file(*fixture.root, path("a"), std::string(mebibyte, 'a'), {});
    EXPECT_EQ(code_of([&] { write_file(*fixture.root, path("b"), std::string(2 * mebibyte, 'b'), {}); }),
              "DISK_FULL");
    EXPECT_EQ(code_of([&] {
                  copy_path(*fixture.root, path("a"), path("c/d"), {.make_parents = true}, fixture.control);
              }),
              "");
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path("a"), path("e"), {}, fixture.control); }),
              "DISK_FULL");
    remove_path(*fixture.root, path("a"), fixture.control);
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path("c"), path("e"), {}, fixture.control); }), "");
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path("c"), path("f"), {}, fixture.control); }),
              "DISK_FULL");
    remove_path(*fixture.root, path("game"), fixture.control);
    EXPECT_EQ(code_of([&] { copy_path(*fixture.root, path("c"), path("f"), {}, fixture.control); }), "");
}

TEST(DiskLimit, HoldsForArchives)
{
    FilesFixture fixture{at_most(8 * mebibyte)};
    write_file(*fixture.root, path("noise"), random_bytes(3 * mebibyte, 1), {});
    pack(*fixture.root, {}, {path("noise")}, path("a.zip"), {.format = ArchiveFormat::zip}, fixture.control);
    EXPECT_EQ(
        code_of([&] { pack(*fixture.root, {}, {path("noise")}, path("b.tar.gz"), {}, fixture.control); }),
        "DISK_FULL");
    EXPECT_EQ(code_of([&] { unpack(*fixture.root, path("a.zip"), path("to"), {}, fixture.control); }),
              "DISK_FULL");
    EXPECT_FALSE(fs::exists(fixture.in("b.tar.gz")));
    EXPECT_FALSE(fs::exists(fixture.in("to")));
    EXPECT_EQ(fixture.leftovers(), 0u);
}

TEST(DiskLimit, AClaimThatIsNotSettledIsGivenBack)
{
    FilesFixture fixture{at_most(10 * mebibyte)};
    DiskLimit& limit = fixture.root->limit();
    {
        DiskLimit::Claim first{limit}, second{limit};
        first.raise(8 * mebibyte);
        EXPECT_EQ(code_of([&] { second.raise(4 * mebibyte); }), "DISK_FULL");
        first.settle(mebibyte);
        second.raise(4 * mebibyte);
    }
    EXPECT_EQ(limit.state().used, mebibyte);
    limit.freed(5 * mebibyte);
    EXPECT_EQ(limit.state().used, 0u);
}

TEST(DiskLimit, CountsAgainWhenItsCountIsOld)
{
    FilesFixture fixture{
        {.max_bytes = 100 * mebibyte, .keep_free = 0, .fresh = std::chrono::milliseconds{50}}};
    DiskLimit& limit = fixture.root->limit();
    limit.recount(fixture.control);
    fixture.put("game", std::string(mebibyte, 'g'));
    EXPECT_TRUE(wait_for([&] { return limit.recount_due(); }));
    limit.recount(fixture.control);
    EXPECT_GE(limit.state().used, mebibyte);
}

TEST(DiskLimit, CountsAgainAfterSomebodyElseHasWritten)
{
    FilesFixture fixture{at_most(3 * mebibyte)};
    DiskLimit& limit = fixture.root->limit();
    limit.recount(fixture.control);
    fixture.put("installed", std::string(2 * mebibyte + mebibyte / 2, 'x'));
    EXPECT_FALSE(limit.recount_due());
    limit.outdate();
    EXPECT_TRUE(wait_for([&] { return limit.recount_due(); })) << "a walk costs a twentieth of the time";
    EXPECT_EQ(code_of([&] { DiskLimit::Claim{limit}.raise(mebibyte); }), "DISK_FULL");
    EXPECT_GE(limit.state().used, 2 * mebibyte);
    EXPECT_FALSE(limit.recount_due());
}

TEST(DiskLimit, CountsAgainWhenMuchWasWritten)
{
    FilesFixture fixture{{.max_bytes = 100 * mebibyte, .keep_free = 0, .fresh = std::chrono::hours{1}}};
    DiskLimit& limit = fixture.root->limit();
    EXPECT_TRUE(limit.recount_due());
    EXPECT_FALSE(limit.state().counted);
    limit.recount(fixture.control);
    EXPECT_TRUE(limit.state().counted);
    EXPECT_FALSE(limit.recount_due());
    write_file(*fixture.root, path("ours"), std::string(11 * mebibyte, 'o'), {});
    EXPECT_TRUE(wait_for([&] { return limit.recount_due(); }));
}

TEST(DiskLimit, ParallelWritersStayBelowIt)
{
    FilesFixture fixture{at_most(4 * mebibyte)};
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            good += code_of([&] {
                        Writer writer{*fixture.root, path("f" + std::to_string(i)), {}};
                        for (int k = 0; k < 16; ++k) writer.write(std::string(mebibyte / 16, 'x'));
                        writer.commit();
                    }).empty();
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_GE(good, 1);
    EXPECT_LE(good, 4);
    EXPECT_LE(measure_usage(fixture.root->fd(), {}, fixture.control).bytes, 4 * mebibyte + 65536);
}

TEST(DiskLimit, DISABLED_AFullDiskLeavesTheOldFile)
{
    const fs::path disk{small_disk()};
    fs::create_directory(disk / "server");
    const Root root{(disk / "server").string(), std::nullopt, {.keep_free = 0}};
    Control control;
    write_file(root, path("a"), "old", {});
    std::string text;
    // The free space is checked first; if it shrinks after that, the kernel reports ENOSPC.
    EXPECT_EQ(code_of([&] { write_file(root, path("a"), std::string(16 * mebibyte, 'x'), {}); }, &text),
              "DISK_FULL");
    EXPECT_NE(text.find("Free space"), std::string::npos) << text;
    {
        Writer writer{root, path("a"), {}};
        writer.write("new");
        fill_disk(disk / "others");
        EXPECT_EQ(code_of([&] { writer.write(std::string(mebibyte / 2, 'x')); }), "DISK_FULL");
    }
    EXPECT_EQ(read_file(disk / "server/a"), "old");
    fs::remove(disk / "others");
    const Root careful{(disk / "server").string(), std::nullopt, {.keep_free = 7 * mebibyte}};
    EXPECT_EQ(code_of([&] { write_file(careful, path("b"), std::string(2 * mebibyte, 'x'), {}); }),
              "DISK_FULL");
}
TEST(DiskLimit, AFullDiskLeavesTheOldFile)
{
    in_small_disk("size=8m", "DiskLimit.DISABLED_AFullDiskLeavesTheOldFile");
}

} // namespace
