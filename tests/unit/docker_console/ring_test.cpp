#include "plugins/docker/console/ring.hpp"
#include "tests/support/small_disk.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace agenthost::docker::console;
namespace engine = agenthost::docker::engine;
namespace fs = std::filesystem;

class ConsoleRing : public testing::Test {
protected:
    void open(std::uint64_t max = Ring::default_bytes)
    {
        std::string why;
        ring_ = Ring::open(dir_ / "console", why, max);
        ASSERT_TRUE(ring_) << why;
        intake_ = Intake{ring_->mark()};
        intake_.begin("a");
    }
    void print(std::string_view text)
    {
        engine::LogPart part;
        part.stamp_ns = ++stamp_;
        part.text = text;
        intake_.part(part);
    }
    bool store()
    {
        std::string why;
        return ring_->append(intake_.take(), why);
    }
    // `count` lines "line N", one batch each.
    void fill(int count)
    {
        for (int i = 0; i < count; ++i) {
            print("line " + std::to_string(printed_++));
            ASSERT_TRUE(store());
        }
    }
    [[nodiscard]] std::vector<std::string> texts(const Query& query) const
    {
        std::vector<std::string> out;
        for (auto& entry : ring_->read(query).entries) out.push_back(entry.text);
        return out;
    }
    [[nodiscard]] std::vector<fs::path> files() const
    {
        std::vector<fs::path> out;
        for (const auto& file : fs::directory_iterator{dir_ / "console"}) out.push_back(file.path());
        std::sort(out.begin(), out.end());
        return out;
    }
    [[nodiscard]] std::uint64_t bytes() const
    {
        std::uint64_t sum = 0;
        for (const auto& file : files()) sum += fs::file_size(file);
        return sum;
    }

    agenthost::test::TempDir dir_;
    std::unique_ptr<Ring> ring_;
    Intake intake_;
    std::int64_t stamp_ = 1'700'000'000'000'000'000;
    int printed_ = 0;
};

TEST_F(ConsoleRing, KeepsEntriesAndTheMarkAcrossARestart)
{
    open();
    fill(3);
    const auto mark = ring_->mark();
    const auto position = intake_.begin("a");
    open();
    EXPECT_EQ(ring_->mark().next, 3u);
    EXPECT_EQ(ring_->mark().container, "a");
    EXPECT_EQ(ring_->mark().log, position);
    EXPECT_EQ(mark.next, 3u);
    EXPECT_EQ(texts({}), (std::vector<std::string>{"line 0", "line 1", "line 2"}));
    fill(1);
    EXPECT_EQ(texts({.tail = 2}), (std::vector<std::string>{"line 2", "line 3"}));
    EXPECT_EQ(fs::status(dir_ / "console").permissions(), fs::perms::owner_all);
}

TEST_F(ConsoleRing, KeepsTheNewestWithinItsBound)
{
    open(64 * 1024);
    const std::string filler(100, '.');
    for (int i = 0; i < 5000; ++i) {
        print(std::to_string(i) + filler);
        ASSERT_TRUE(store());
        ASSERT_LE(bytes(), 64u * 1024);
    }
    const auto page = ring_->read({});
    EXPECT_EQ(page.end, 5000u);
    EXPECT_GT(page.first, 4500u);
    EXPECT_LT(page.first, 4800u);
    EXPECT_EQ(page.entries.front().position, page.first);
    EXPECT_EQ(page.entries.back().text, "4999" + filler);
    EXPECT_LE(files().size(), 4u);
    open(64 * 1024);
    EXPECT_EQ(ring_->mark().next, 5000u);
}

TEST_F(ConsoleRing, KeepsAMessageThatIsLargerThanAFile)
{
    open(64 * 1024);
    fill(10);
    print(std::string(100'000, 'x'));
    ASSERT_TRUE(store());
    fill(1);
    EXPECT_EQ(ring_->mark().next, 10u + 7 + 1);
    open(64 * 1024);
    EXPECT_EQ(ring_->mark().next, 18u);
    EXPECT_EQ(texts({.tail = 1}), std::vector<std::string>{"line 10"});
}

TEST_F(ConsoleRing, AnswersTailSinceAndOffset)
{
    open();
    fill(2500);
    EXPECT_EQ(texts({.tail = 2}), (std::vector<std::string>{"line 2498", "line 2499"}));
    EXPECT_EQ(ring_->read({}).entries.size(), 1000u); // the newest that fit in a page
    EXPECT_EQ(ring_->read({}).entries.back().text, "line 2499");
    EXPECT_TRUE(texts({.tail = 0}).empty());

    auto page = ring_->read({.offset = 100, .limit = 3});
    ASSERT_EQ(page.entries.size(), 3u);
    EXPECT_EQ(page.entries[0].position, 100u);
    EXPECT_EQ(page.entries[0].text, "line 100");
    EXPECT_EQ(page.next, 103u);
    EXPECT_EQ(page.first, 0u);
    EXPECT_EQ(page.end, 2500u);
    page = ring_->read({.offset = 2500});
    EXPECT_TRUE(page.entries.empty());
    EXPECT_EQ(page.next, 2500u);

    const std::int64_t middle = stamp_ - 9;
    EXPECT_EQ(ring_->read({.since_ns = middle}).entries.size(), 10u);
    EXPECT_EQ(texts({.since_ns = middle, .limit = 1}), std::vector<std::string>{"line 2490"});
    EXPECT_EQ(texts({.since_ns = middle, .tail = 1}), std::vector<std::string>{"line 2499"});
    EXPECT_TRUE(texts({.since_ns = stamp_ + 1}).empty());

    // All of it, page after page.
    std::uint64_t next = 0, count = 0;
    while (next < 2500) {
        page = ring_->read({.offset = next});
        for (const auto& entry : page.entries) EXPECT_EQ(entry.position, count++);
        next = page.next;
    }
    EXPECT_EQ(count, 2500u);
}

TEST_F(ConsoleRing, BoundsTheBytesOfAPage)
{
    open();
    const std::string big(16 * 1024, 'x');
    for (int i = 0; i < 40; ++i) print(big);
    ASSERT_TRUE(store());
    auto page = ring_->read({.offset = 0});
    EXPECT_EQ(page.entries.size(), 16u);
    EXPECT_EQ(page.next, 16u);
    page = ring_->read({.tail = 100});
    EXPECT_EQ(page.entries.size(), 16u);
    EXPECT_EQ(page.entries.back().position, 39u);
}

TEST_F(ConsoleRing, DropsABlockThatACrashHasCutAndContinues)
{
    open();
    fill(50);
    const auto file = files().back();
    const auto whole = agenthost::test::read_file(file);
    for (std::size_t size = 0; size <= whole.size(); size += 13) {
        agenthost::test::write_file(file, std::string_view{whole}.substr(0, size));
        printed_ = 0;
        open();
        const auto kept = ring_->mark().next;
        EXPECT_LE(kept, 50u);
        printed_ = static_cast<int>(kept);
        fill(2);
        EXPECT_EQ(ring_->mark().next, kept + 2);
        const auto all = texts({});
        ASSERT_EQ(all.size(), kept + 2);
        for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], "line " + std::to_string(i));
    }
}

TEST_F(ConsoleRing, DropsFilesAndBytesThatAreNotItsOwn)
{
    open(64 * 1024);
    for (int i = 0; i < 300; ++i) {
        print(std::string(100, 'x'));
        ASSERT_TRUE(store());
    }
    const auto all = files();
    ASSERT_GE(all.size(), 2u);
    auto damaged = agenthost::test::read_file(all[0]);
    damaged[damaged.size() / 2] ^= 1; // the rest of this file is lost, no other
    agenthost::test::write_file(all[0], damaged);
    agenthost::test::write_file(dir_ / "console/00000000000000000007.console", "not a console");
    agenthost::test::write_file(dir_ / "console/99999999999999999999.console", std::string(1000, '\0'));
    open(64 * 1024);
    EXPECT_EQ(ring_->mark().next, 300u);
    const auto page = ring_->read({.offset = 0});
    EXPECT_LT(page.entries.size(), 300u);
    EXPECT_EQ(page.entries.back().position, 299u);
    for (std::size_t i = 1; i < page.entries.size(); ++i)
        EXPECT_GT(page.entries[i].position, page.entries[i - 1].position);
    EXPECT_FALSE(fs::exists(dir_ / "console/00000000000000000007.console"));
}

TEST_F(ConsoleRing, SaysWhyItCannotBeOpened)
{
    agenthost::test::write_file(dir_ / "console", "a file");
    std::string why;
    EXPECT_FALSE(Ring::open(dir_ / "console", why));
    EXPECT_NE(why.find((dir_ / "console").string()), std::string::npos) << why;
}

// Run by KeepsItsPlaceWhenTheDiskIsFull on a disk of 256 KiB.
TEST(DISABLED_SmallDisk, ConsoleRing)
{
    using namespace agenthost::test;
    const auto folder = fs::path{small_disk()} / "console";
    std::string why;
    auto ring = Ring::open(folder, why);
    ASSERT_TRUE(ring) << why;
    Intake intake{ring->mark()};
    intake.begin("a");
    std::int64_t stamp = 0;
    const auto store = [&](const std::string& text) {
        engine::LogPart part;
        part.stamp_ns = ++stamp;
        part.text = text;
        intake.part(part);
        return ring->append(intake.take(), why);
    };
    ASSERT_TRUE(store("before"));
    fill_disk(fs::path{small_disk()} / "filler");
    int failed = 0;
    for (int i = 0; i < 100; ++i) failed += store(std::string(1000, 'x')) ? 0 : 1;
    EXPECT_GT(failed, 50);
    EXPECT_NE(why.find("No space left"), std::string::npos) << why;
    fs::remove(fs::path{small_disk()} / "filler");
    ASSERT_TRUE(store("after")) << why;
    const auto position = intake.begin("a");
    ring = Ring::open(folder, why);
    // Everything was read, although not everything was stored.
    EXPECT_EQ(ring->mark().next, 102u);
    EXPECT_EQ(ring->mark().log.newest_ns, position.newest_ns);
    engine::LogResume resume{ring->mark().log};
    for (std::int64_t old = ring->mark().log.since_ns; old <= stamp; ++old) EXPECT_FALSE(resume.take(old));
    EXPECT_TRUE(resume.take(stamp + 1));
    const auto page = ring->read({.tail = 1});
    ASSERT_EQ(page.entries.size(), 1u);
    EXPECT_EQ(page.entries[0].text, "after");
    EXPECT_EQ(page.entries[0].position, 101u);
}

TEST_F(ConsoleRing, KeepsItsPlaceWhenTheDiskIsFull)
{
    agenthost::test::in_small_disk("size=256k", "DISABLED_SmallDisk.ConsoleRing");
}

} // namespace
