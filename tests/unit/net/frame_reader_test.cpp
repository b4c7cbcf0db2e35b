// Vectors in the order of the Autobahn test suite's categories: framing, pings, reserved bits, opcodes,
// fragments, UTF-8, close handling, limits. Each is read whole, byte by byte and cut in two at every place,
// and Beast says the same.
#include "tests/fuzz/frame_verdict.hpp"

#include <gtest/gtest.h>

namespace agenthost::test {
namespace {

using namespace std::string_literals;
using host::net::MaskKey;

constexpr MaskKey key{0x37, 0xFA, 0x21, 0x3D};

// A frame of a client, its length written in the shortest way.
std::string frame(unsigned first, std::string_view payload)
{
    std::string out{static_cast<char>(first)};
    const auto put = [&](std::size_t value, int bytes) {
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
            out += static_cast<char>(value >> shift & 0xFF);
    };
    if (payload.size() < 126) {
        put(0x80 | payload.size(), 1);
    } else if (payload.size() < 65536) {
        put(0x80 | 126, 1);
        put(payload.size(), 2);
    } else {
        put(0x80 | 127, 1);
        put(payload.size(), 8);
    }
    out.append(key.begin(), key.end());
    for (std::size_t i = 0; i < payload.size(); ++i)
        out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ key[i % 4]);
    return out;
}

// As the payload of a close frame.
std::string close_code(unsigned code)
{
    return {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
}

std::string fault(boost::beast::websocket::error e) { return "fault " + make_error_code(e).message(); }

void expect(const std::string& bytes, const Verdict& verdict, std::uint64_t max_message = 1 << 20)
{
    EXPECT_EQ(beast_verdict(Role::server, max_message, {bytes}), verdict);
    EXPECT_EQ(our_verdict(Role::server, max_message, {bytes}), verdict);
    if (bytes.size() > 2'000) return;
    Pieces each;
    for (const char c : bytes) each.emplace_back(1, c);
    EXPECT_EQ(our_verdict(Role::server, max_message, each), verdict);
    for (std::size_t at = 1; at < bytes.size(); ++at)
        EXPECT_EQ(our_verdict(Role::server, max_message, {bytes.substr(0, at), bytes.substr(at)}), verdict)
            << "cut at " << at;
}

using boost::beast::websocket::error;

TEST(FrameReader, ReadsMessagesOfEveryLength)
{
    for (const std::size_t size : {0, 1, 125, 126, 127, 128, 600, 65535, 65536, 200'000}) {
        expect(frame(0x81, std::string(size, '*')), {"text " + std::string(size, '*')});
        expect(frame(0x82, std::string(size, '\xFE')), {"binary " + std::string(size, '\xFE')});
    }
}

TEST(FrameReader, RefusesALengthThatIsNotWrittenInTheShortestWay)
{
    expect("\x81\xFE\0\x7D"s + std::string(4 + 125, 'x'), {fault(error::bad_size)});
    expect("\x81\xFF\0\0\0\0\0\0\xFF\xFF"s + std::string(4, 'x'), {fault(error::bad_size)});
}

TEST(FrameReader, ReadsPingsAndPongs)
{
    expect(frame(0x89, ""), {"ping "});
    expect(frame(0x89, std::string(125, 'p')) + frame(0x8A, "\0\xFF\xFE"s) + frame(0x81, "m"),
           {"ping " + std::string(125, 'p'), "pong \0\xFF\xFE"s, "text m"});
    expect(frame(0x89, std::string(126, 'p')), {fault(error::bad_control_size)});
    expect(frame(0x09, "p"), {fault(error::bad_control_fragment)});
}

TEST(FrameReader, RefusesReservedBits)
{
    for (const unsigned first : {0xC1, 0xA1, 0x91, 0xF2, 0xC9, 0x98})
        expect(frame(0x81, "before") + frame(first, "x"), {"text before", fault(error::bad_reserved_bits)});
}

TEST(FrameReader, RefusesReservedOpcodes)
{
    for (const unsigned first : {0x83, 0x84, 0x85, 0x86, 0x87, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F})
        expect(frame(first, ""), {fault(error::bad_opcode)});
}

TEST(FrameReader, PutsFragmentsTogetherWithControlFramesBetweenThem)
{
    expect(frame(0x01, "fra") + frame(0x89, "p") + frame(0x00, "") + frame(0x00, "gme") + frame(0x8A, "q") +
               frame(0x80, "nt"),
           {"ping p", "pong q", "text fragment"});
    expect(frame(0x02, "") + frame(0x80, ""), {"binary "});
    expect(frame(0x01, "a") + frame(0x80, "b") + frame(0x81, "c"), {"text ab", "text c"});
}

TEST(FrameReader, RefusesFragmentsOutOfOrder)
{
    expect(frame(0x80, "x"), {fault(error::bad_continuation)});
    expect(frame(0x01, "a") + frame(0x80, "b") + frame(0x00, "c"),
           {"text ab", fault(error::bad_continuation)});
    expect(frame(0x01, "a") + frame(0x81, "b"), {fault(error::bad_data_frame)});
    expect(frame(0x01, "a") + frame(0x02, "b"), {fault(error::bad_data_frame)});
}

TEST(FrameReader, TakesUtf8CutAnywhere)
{
    const std::string text =
        "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5 \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF \xEF\xBF\xBE";
    expect(frame(0x81, text), {"text " + text});
    std::string fragments;
    for (std::size_t i = 0; i < text.size(); ++i)
        fragments += frame((i == 0 ? 0x01U : 0x00U) | (i + 1 == text.size() ? 0x80U : 0U), text.substr(i, 1));
    expect(fragments, {"text " + text});
}

TEST(FrameReader, RefusesWhatIsNotUtf8)
{
    for (const std::string bad : {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF",
                                  "\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                                  "\xFE", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3(", "\xE2(\xA1"})
        expect(frame(0x81, "fine " + bad), {fault(error::bad_frame_payload)});
    // At the first byte that cannot be, not at the end of the message.
    expect(frame(0x01, "\xF4") + frame(0x00, "\x90"), {fault(error::bad_frame_payload)});
    expect(frame(0x01, "\xED") + frame(0x00, "\xA0"), {fault(error::bad_frame_payload)});
}

// Beast lets it pass.
TEST(FrameReader, RefusesAnUnfinishedCodePointBeforeAnEmptyLastFragment)
{
    EXPECT_EQ(our_verdict(Role::server, 0, {frame(0x01, "\xC3") + frame(0x80, "")}),
              Verdict{fault(error::bad_frame_payload)});
}

TEST(FrameReader, ReadsCloseFrames)
{
    expect(frame(0x88, ""), {close_word(0, "")});
    expect(frame(0x88, "\x03\xE8"s), {close_word(1000, "")});
    expect(frame(0x81, "last") + frame(0x88, "\x03\xE9" + std::string(123, 'r')) + frame(0x81, "never read"),
           {"text last", close_word(1001, std::string(123, 'r'))});
    for (const unsigned code :
         {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999})
        expect(frame(0x88, close_code(code)), {close_word(code, "")});
}

TEST(FrameReader, RefusesCloseFramesThatAreNone)
{
    expect(frame(0x88, "\x03"), {fault(error::bad_close_size)});
    for (const unsigned code : {0, 999, 1004, 1005, 1006, 1014, 1015, 1016, 1100, 2000, 2999})
        expect(frame(0x88, close_code(code)), {fault(error::bad_close_code)});
    expect(frame(0x88, "\x03\xE8\xC3("), {fault(error::bad_close_payload)});
    expect(frame(0x88, std::string(126, 'x')), {fault(error::bad_control_size)});
}

TEST(FrameReader, HoldsTheBoundOfAMessage)
{
    expect(frame(0x81, "12345") + frame(0x01, "123") + frame(0x80, "45"), {"text 12345", "text 12345"}, 5);
    expect(frame(0x81, "123456"), {fault(error::message_too_big)}, 5);
    expect(frame(0x01, "123") + frame(0x89, "123456") + frame(0x80, "456"),
           {"ping 123456", fault(error::message_too_big)}, 5);
    // Told by the head alone, before any memory is taken for it.
    expect("\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s + std::string(4, 'k'), {fault(error::message_too_big)},
           5);
}

TEST(FrameReader, WantsAMaskFromAClientAndNoneFromAServer)
{
    expect("\x81\x01m", {fault(error::bad_unmasked_frame)});
    EXPECT_EQ(our_verdict(Role::client, 0, {"\x81\x01m\x89\x02pp"}), (Verdict{"text m", "ping pp"}));
    EXPECT_EQ(our_verdict(Role::client, 0, {frame(0x81, "m")}), Verdict{fault(error::bad_masked_frame)});
}

} // namespace
} // namespace agenthost::test
