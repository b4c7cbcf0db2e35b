// The checks of a download's bytes, before they appear in the server's folder.
#include "plugins/docker/transfer/content_sink.hpp"
#include "tests/unit/docker_files/files_fixture.hpp"

#include <gmock/gmock.h>

using namespace agenthost;
using namespace agenthost::docker;
using agenthost::test::code_of;
using agenthost::test::FilesFixture;
using testing::HasSubstr;
using transfer::ContentSink;
using transfer::Declared;

namespace {

constexpr const char* sha_of_hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

// A download into "a" by hand.
struct Fed {
    explicit Fed(Declared declared, files::DiskLimit::Options limit = {.keep_free = 0})
        : box{limit}, writer{*box.root, test::path("a"), {.declared_size = declared.size}}, sink{writer,
                                                                                                 declared}
    {}
    bool feed(std::string_view bytes) { return sink.write(bytes.data(), bytes.size()); }
    [[nodiscard]] std::string refusal() const { return sink.problem() ? sink.problem()->code() : ""; }

    FilesFixture box;
    files::Writer writer;
    ContentSink sink;
};

TEST(ContentSink, TakesWhatWasDeclared)
{
    Fed fed{{5, sha_of_hello}};
    ASSERT_TRUE(fed.sink.begin(5));
    ASSERT_TRUE(fed.feed("hel"));
    ASSERT_TRUE(fed.feed("lo"));
    EXPECT_EQ(fed.sink.finish(), sha_of_hello);
    EXPECT_EQ(fed.writer.commit(), 5u);
    EXPECT_EQ(fed.box.get("a"), "hello");
}

TEST(ContentSink, RefusesASourceOfAnotherSizeBeforeItsFirstByte)
{
    Fed fed{{5, {}}};
    EXPECT_FALSE(fed.sink.begin(6));
    EXPECT_EQ(fed.refusal(), "NETWORK_ERROR");
    EXPECT_THAT(fed.sink.problem()->what(), HasSubstr("6 bytes instead of the declared 5 bytes"));
}

TEST(ContentSink, RefusesMoreAndLessThanDeclared)
{
    Fed more{{5, {}}};
    ASSERT_TRUE(more.sink.begin(std::nullopt));
    EXPECT_TRUE(more.feed("hello"));
    EXPECT_FALSE(more.feed("!"));
    EXPECT_EQ(more.refusal(), "NETWORK_ERROR");
    Fed less{{5, {}}};
    ASSERT_TRUE(less.sink.begin(std::nullopt));
    EXPECT_TRUE(less.feed("hell"));
    EXPECT_EQ(code_of([&] { less.sink.finish(); }), "NETWORK_ERROR");
}

TEST(ContentSink, RefusesAnotherChecksumAndNamesBoth)
{
    Fed fed{{std::nullopt, sha_of_hello}};
    ASSERT_TRUE(fed.sink.begin(5));
    ASSERT_TRUE(fed.feed("hallo"));
    std::string text;
    EXPECT_EQ(code_of([&] { fed.sink.finish(); }, &text), "NETWORK_ERROR");
    EXPECT_THAT(text, HasSubstr(sha_of_hello));
    EXPECT_THAT(text, HasSubstr("d3751d33f9cd5049c4af2b462735457e4d3baf130bcbb87f389e349fbaeb20b9"));
}

TEST(ContentSink, ForgetsEverythingWhenTheTransferStartsAgain)
{
    Fed fed{{5, sha_of_hello}};
    ASSERT_TRUE(fed.sink.begin(5));
    ASSERT_TRUE(fed.feed("hal"));
    ASSERT_TRUE(fed.sink.restart());
    ASSERT_TRUE(fed.sink.begin(5));
    ASSERT_TRUE(fed.feed("hello"));
    EXPECT_EQ(fed.sink.finish(), sha_of_hello);
    fed.writer.commit();
    EXPECT_EQ(fed.box.get("a"), "hello");
}

TEST(ContentSink, ClaimsTheWholeSizeBeforeTheFirstByte)
{
    Fed fed{{}, {.max_bytes = 1 << 20, .keep_free = 0}};
    EXPECT_FALSE(fed.sink.begin(2 << 20));
    EXPECT_EQ(fed.refusal(), "DISK_FULL");
    EXPECT_EQ(fed.writer.size(), 0u);
}

TEST(ContentSink, StopsAtTheDiskLimitWhenTheSizeIsUnknown)
{
    Fed fed{{}, {.max_bytes = 4 << 20, .keep_free = 0}};
    ASSERT_TRUE(fed.sink.begin(std::nullopt));
    const std::string piece(128 << 10, 'x');
    std::size_t taken = 0;
    while (fed.feed(piece) && taken < 100) ++taken;
    EXPECT_EQ(fed.refusal(), "DISK_FULL");
    EXPECT_LE(fed.writer.size(), 4u << 20);
    EXPECT_GE(fed.writer.size(), 3u << 20);
}

TEST(ContentSink, SaysWhenATransferMayBeResumedAndWhenItsEndIsKnown)
{
    EXPECT_TRUE((Fed{{std::nullopt, sha_of_hello}}.sink.verifies_content()));
    EXPECT_FALSE((Fed{{5, {}}}.sink.verifies_content()));
    EXPECT_TRUE((Fed{{5, {}}}.sink.knows_end()));
    EXPECT_FALSE((Fed{{}}.sink.knows_end()));
}

} // namespace
