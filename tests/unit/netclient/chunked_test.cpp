#include "netclient/chunked.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using agenthost::netclient::ChunkedDecoder;

// Decodes `text` in pieces of `piece` bytes.
std::string decode(std::string text, std::size_t piece, ChunkedDecoder& decoder)
{
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        const auto n = std::min(piece, text.size() - at);
        out.append(text.data() + at, decoder.decode(text.data() + at, n));
    }
    return out;
}

TEST(Chunked, DecodesInputSplitAnywhere)
{
    const std::string text =
        "5\r\nhello\r\n1;ext=\"v\"\r\n,\r\nA\r\n world wid\r\n1\r\ne\r\n0\r\nTrailer: x\r\n\r\n";
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
        ChunkedDecoder decoder;
        EXPECT_EQ(decode(text, piece, decoder), "hello, world wide") << piece;
        EXPECT_TRUE(decoder.done());
    }
}

TEST(Chunked, IsNotDoneBeforeTheLastByte)
{
    const std::string text = "3\r\nabc\r\n0\r\n\r\n";
    for (std::size_t size = 0; size < text.size(); ++size) {
        ChunkedDecoder decoder;
        decode(text.substr(0, size), 4, decoder);
        EXPECT_FALSE(decoder.done()) << size;
        EXPECT_FALSE(decoder.failed()) << size;
    }
}

TEST(Chunked, RejectsFramingThatAllowsSmuggling)
{
    for (const std::string text :
         {"\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x5\r\nhello", "5\nhello", "5\r\nhelloX", "5\r\nhello\n",
          " 5\r\n", "1000000000000000\r\n", "5;a\nb\r\n", "0\r\nA: b\n\r\n"}) {
        ChunkedDecoder decoder;
        decode(text, 3, decoder);
        EXPECT_TRUE(decoder.failed()) << text;
    }
}

// What a server takes from a stranger, and what a client takes from an old server.
TEST(Chunked, ReadsRequestsMoreStrictlyThanResponses)
{
    for (const std::string& text :
         {std::string{"5 \r\nhello\r\n0\r\n\r\n"}, "5;" + std::string(5'000, 'x') + "\r\n"}) {
        ChunkedDecoder request{ChunkedDecoder::Of::request}, response{ChunkedDecoder::Of::response};
        decode(text, 7, request);
        decode(text, 7, response);
        EXPECT_TRUE(request.failed()) << text;
        EXPECT_FALSE(response.failed()) << text;
    }
}

TEST(Chunked, LeavesBytesAfterTheBody)
{
    const std::string text = "3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
    ChunkedDecoder decoder{ChunkedDecoder::Of::request};
    std::string_view rest = text;
    std::string content;
    for (;;) {
        const auto step = decoder.step(rest);
        if (step.taken == 0) break;
        content += step.content;
        rest.remove_prefix(step.taken);
    }
    EXPECT_TRUE(decoder.done());
    EXPECT_EQ(content, "abc");
    EXPECT_EQ(rest, "GET / HTTP/1.1\r\n");
}

TEST(Chunked, BoundsExtensionsAndTrailers)
{
    for (const std::string& text :
         {"5;" + std::string(20'000, 'x') + "\r\n", "0\r\n" + std::string(20'000, 'x') + "\r\n\r\n"}) {
        ChunkedDecoder decoder;
        decode(text, 1000, decoder);
        EXPECT_TRUE(decoder.failed());
    }
}

} // namespace
