// However a job goes on, the picture ends.
#include "rig.hpp"

using namespace agenthost::printer::render;
using namespace agenthost::printer::render::test;

namespace {

TEST(RenderBounds, EndsThePaper)
{
    Options options;
    options.max_rows = 100;
    const Receipt receipt = drawn("a\nb\nc\nd\ne\nf\ng\n", options);
    EXPECT_TRUE(receipt.clipped);
    EXPECT_EQ(receipt.picture.height(), 100);
    EXPECT_EQ(receipt.lines.size(), 4U);
    EXPECT_THAT(warnings_of(receipt), testing::HasSubstr("longer than the picture"));
    EXPECT_TRUE(drawn("\x1b"
                      "d\xff\x1b"
                      "d\xff",
                      options)
                    .clipped);
    EXPECT_FALSE(drawn("a\nb\n", options).clipped);
}

TEST(RenderBounds, EndsTheWork)
{
    Options options;
    options.max_work = 100'000;
    std::string job;
    for (int i = 0; i < 3'000; ++i) job += "\x1d!\x77W\x1b$\x00\x00"s;
    EXPECT_TRUE(drawn(job + "\n", options).clipped);
    job = "\x1d(k\x04\x00\x31P0x"s;
    for (int i = 0; i < 100; ++i) job += "\x1d(k\x03\x00\x31Q0"s;
    EXPECT_TRUE(drawn(job, options).clipped);
    // A page that is printed again and again.
    job = "\x1bL";
    for (int i = 0; i < 1'000; ++i) job += "\x1b\x0c";
    EXPECT_TRUE(drawn(job, options).clipped);
}

// What draws nothing takes time, too. The work is counted, so that the test needs no clock.
TEST(RenderBounds, EndsTheWorkOfWhatDrawsNothing)
{
    Options options;
    options.max_rows = 100;
    options.max_work = 2'000'000;
    const auto needs_too_much = [&](const std::string& once, const std::string& before = {}) {
        std::string job = before;
        for (int i = 0; i < 5'000; ++i) job += once;
        const auto warnings = warnings_of(drawn(job, options));
        return warnings.find("more work") != std::string::npos;
    };
    EXPECT_TRUE(needs_too_much("\x18", "\x1bL")) << "CAN clears a page";
    EXPECT_TRUE(needs_too_much("\x0c\x1bL")) << "pages are opened and printed";
    EXPECT_TRUE(needs_too_much("\x1b@")) << "ESC @";
    EXPECT_TRUE(needs_too_much("\xb0\xa1\n", "\x1c&")) << "Chinese text behind the end of the paper";
    EXPECT_TRUE(needs_too_much("A text that nobody will ever see\n")) << "text behind the end of the paper";
    EXPECT_FALSE(needs_too_much("A"));
}

TEST(RenderBounds, EndsTheText)
{
    Options options;
    options.max_text = 10;
    EXPECT_EQ(lines_of("12345\n67890\nx\n", options), "0,0 60x24 12345|0,30 60x24 67890|");
    options.max_text = 1'000;
    options.max_lines = 2;
    EXPECT_TRUE(drawn("1\n2\n3\n", options).clipped);
}

TEST(RenderBounds, EndsALineThatGoesBackForEver)
{
    std::string job;
    for (int i = 0; i < 5'000; ++i) job += "\x1b$\x00\x00x"s;
    EXPECT_GE(drawn(job).lines.size(), 5U);
}

TEST(RenderBounds, KeepsABoundedPartOfACommandsData)
{
    Options options;
    options.max_data = 100;
    options.max_stored = 1'000;
    const Receipt receipt = drawn("\x1b*\x21\x64\x00"s + std::string(300, 'x') + "\n", options);
    EXPECT_EQ(receipt.lines.at(0).text, "33x24");
    EXPECT_THAT(warnings_of(receipt), testing::HasSubstr("longer than the renderer keeps"));
    std::string many;
    for (int i = 0; i < 20; ++i)
        many += "\x1d(L\x15\x00\x30\x53\x30"s + static_cast<char>('A' + i) + "A\x01\x08\x00\x0a\x00\x31"s +
                std::string(10, '\xff');
    EXPECT_THAT(warnings_of(drawn(many, options)), testing::HasSubstr("an image was not stored"));
}

TEST(RenderBounds, KeepsABoundedNumberOfNotesAndWarnings)
{
    std::string job;
    for (int i = 0; i < 3'000; ++i) job += "\x07\x1b"s + static_cast<char>('\x80' + i % 120);
    const Receipt receipt = drawn(job);
    EXPECT_EQ(receipt.notes.size(), 1'000U);
    EXPECT_LE(receipt.warnings.size(), 100U);
}

} // namespace
