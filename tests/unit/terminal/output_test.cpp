// What is kept of a channel: window, ring, offsets; and where a chunk may be cut.
#include <plugins/terminal/output.hpp>

#include <tests/support/support.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>

using namespace agenthost::terminal;
using agenthost::test::TempDir;

namespace {

std::string all(const Output& output, std::uint64_t from, std::size_t piece = 10 << 10)
{
    std::string text, scratch;
    while (from < output.end()) {
        const auto bytes = output.read(from, piece, scratch);
        if (bytes.empty()) return text + "(unreadable)";
        text += bytes;
        from += bytes.size();
    }
    return text;
}

TEST(Output, KeepsLittleInMemoryOnly)
{
    TempDir dir;
    Output output{(dir / "ring").string(), 1 << 20};
    output.append("hello ");
    output.append("world");
    EXPECT_EQ(output.begin(), 0u);
    EXPECT_EQ(all(output, 0), "hello world");
    EXPECT_EQ(all(output, 6), "world");
    EXPECT_FALSE(std::filesystem::exists(dir / "ring"));
    output.settle();
    EXPECT_EQ(all(output, 0), "hello world");
    EXPECT_FALSE(std::filesystem::exists(dir / "ring"));
}

// Against a plain string that forgets nothing, for rings below, at and above the window.
TEST(Output, GivesBackEveryByteItSaysItHas)
{
    for (const std::uint64_t ring :
         {std::uint64_t{0}, std::uint64_t{10'000}, std::uint64_t{Output::window}, std::uint64_t{1'000'003}}) {
        SCOPED_TRACE(ring);
        TempDir dir;
        std::mt19937_64 random{ring + 1};
        Output output{(dir / "ring").string(), ring};
        std::string truth;
        for (int i = 0; i < 200; ++i) {
            std::string piece(random() % 40'000, '\0');
            for (char& c : piece) c = static_cast<char>(random());
            output.append(piece);
            truth += piece;
            ASSERT_EQ(output.end(), truth.size());
            ASSERT_LE(output.end() - output.begin(), ring + Output::window);
            const std::uint64_t from = output.begin() + random() % (output.end() - output.begin() + 1);
            ASSERT_TRUE(all(output, from, 1 + random() % 20'000) == truth.substr(from)) << i;
        }
        EXPECT_GE(output.end() - output.begin(), std::min<std::uint64_t>(ring, truth.size()));
        output.settle();
        EXPECT_TRUE(all(output, output.begin()) == truth.substr(output.begin()));
        EXPECT_GE(output.end() - output.begin(),
                  std::min<std::uint64_t>(ring > 0 ? ring : 8 << 10, truth.size()));
        std::error_code error;
        if (ring > 0) {
            EXPECT_LE(std::filesystem::file_size(dir / "ring", error), ring);
        }
    }
}

// The same truth with a window that holds the whole ring: while the command runs the disk is not touched.
TEST(Output, KeepsAWholeRingInMemoryWhileTheBudgetLasts)
{
    for (const std::uint64_t ring :
         {std::uint64_t{10'000}, std::uint64_t{Output::window}, std::uint64_t{1'000'003}}) {
        SCOPED_TRACE(ring);
        TempDir dir;
        std::mt19937_64 random{ring};
        WindowBudget budget{.left = ring};
        std::string truth;
        {
            Output output{(dir / "ring").string(), ring, &budget};
            for (int i = 0; i < 200; ++i) {
                std::string piece(random() % 40'000, '\0');
                for (char& c : piece) c = static_cast<char>(random());
                output.append(piece);
                truth += piece;
                ASSERT_LE(output.end() - output.begin(), ring + Output::window);
                ASSERT_GE(output.end() - output.begin(), std::min<std::uint64_t>(ring, truth.size()));
                const std::uint64_t from = output.begin() + random() % (output.end() - output.begin() + 1);
                ASSERT_TRUE(all(output, from, 1 + random() % 20'000) == truth.substr(from)) << i;
            }
            EXPECT_EQ(budget.left, 0u);
            EXPECT_FALSE(std::filesystem::exists(dir / "ring"));
            output.settle();
            EXPECT_EQ(budget.left, ring) << "given back";
            EXPECT_EQ(output.end() - output.begin(), ring);
            EXPECT_TRUE(all(output, output.begin()) == truth.substr(output.begin()));
            EXPECT_EQ(std::filesystem::file_size(dir / "ring"), ring);
        }
        EXPECT_FALSE(std::filesystem::exists(dir / "ring"));
    }
}

TEST(Output, UsesTheDiskWhenTheBudgetIsSpent)
{
    TempDir dir;
    WindowBudget budget{.left = 1'500'000};
    const std::string text(2 * Output::window, 'x');
    {
        Output first{(dir / "first").string(), 1'000'000, &budget},
            second{(dir / "second").string(), 1'000'000, &budget};
        first.append(text);
        second.append(text);
        EXPECT_FALSE(std::filesystem::exists(dir / "first"));
        EXPECT_TRUE(std::filesystem::exists(dir / "second"));
        EXPECT_EQ(all(second, 0), text);
    }
    EXPECT_EQ(budget.left, 1'500'000u);
}

TEST(Output, RemovesItsRing)
{
    TempDir dir;
    {
        Output output{(dir / "ring").string(), 1 << 20};
        output.append(std::string(2 * Output::window, 'x'));
        EXPECT_TRUE(std::filesystem::exists(dir / "ring"));
    }
    EXPECT_FALSE(std::filesystem::exists(dir / "ring"));
}

TEST(Output, GoesOnWithoutADisk)
{
    Output output{"/nonexistent/folder/ring", 1 << 20};
    const std::string text(3 * Output::window, 'y');
    output.append(text);
    EXPECT_TRUE(output.damaged());
    EXPECT_GE(output.end() - output.begin(), 100u << 10); // what a slow reader may lag behind
    EXPECT_EQ(all(output, output.begin()), text.substr(output.begin()));
    output.settle();
    EXPECT_GT(output.end(), output.begin());
    EXPECT_EQ(all(output, output.begin()), text.substr(output.begin()));
}

TEST(Output, AlwaysHasSpace)
{
    Output output{"", 0};
    std::size_t total = 0;
    for (int i = 0; i < 100; ++i) {
        const auto free_space = output.free_space();
        ASSERT_GT(free_space.size(), 0u);
        output.wrote(free_space.size());
        total += free_space.size();
    }
    EXPECT_EQ(output.end(), total);
}

TEST(WholeUtf8, CutsBeforeACharacterThatHasBegun)
{
    const std::string euro = "\xe2\x82\xac", face = "\xf0\x9f\x98\x80";
    EXPECT_EQ(whole_utf8("abc"), 3u);
    EXPECT_EQ(whole_utf8(""), 0u);
    EXPECT_EQ(whole_utf8("ab" + euro), 5u);
    EXPECT_EQ(whole_utf8("ab" + euro.substr(0, 2)), 2u);
    EXPECT_EQ(whole_utf8("ab" + euro.substr(0, 1)), 2u);
    EXPECT_EQ(whole_utf8("ab" + face), 6u);
    for (std::size_t n = 1; n <= 3; ++n) EXPECT_EQ(whole_utf8("ab" + face.substr(0, n)), 2u) << n;
    EXPECT_EQ(whole_utf8("a\xc3"), 1u);
    EXPECT_EQ(whole_utf8("\xc3"), 0u);
}

TEST(WholeUtf8, LetsBytesThatAreNoUtf8Go)
{
    for (const char* text : {"ab\xff", "ab\x80", "ab\x80\x80\x80\x80", "ab\xf8\x80", "ab\xc1"})
        EXPECT_EQ(whole_utf8(text), std::string{text}.size()) << text;
}

} // namespace
