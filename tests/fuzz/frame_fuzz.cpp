// FrameReader against Beast's reader: the same messages, control frames and faults for any bytes in any
// pieces. The first byte says which end reads (1), whether the input is raw bytes or a list of frames that
// are put together (2), and the bound of a message (12); the second how the bytes are cut.
#include "tests/fuzz/frame_verdict.hpp"

#include <simdjson.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

using agenthost::test::Pieces;
using agenthost::test::Role;
using agenthost::test::Verdict;

// Frames whose heads are whole: [first byte][length, its top bit: the wrong kind of mask][payload].
std::string put_frames_together(std::string_view input, Role role)
{
    std::string bytes;
    while (input.size() >= 2) {
        const auto first = static_cast<unsigned char>(input[0]),
                   second = static_cast<unsigned char>(input[1]);
        const std::string_view payload = input.substr(2, second & 0x7F);
        input.remove_prefix(2 + payload.size());
        const bool masked = (role == Role::server) != ((second & 0x80) != 0);
        bytes += static_cast<char>(first);
        if (payload.size() < 126)
            bytes += static_cast<char>((masked ? 0x80 : 0) | payload.size());
        else
            bytes.append(
                {static_cast<char>((masked ? 0x80 : 0) | 126), 0, static_cast<char>(payload.size())});
        const agenthost::host::net::MaskKey key{first, 0x11, static_cast<unsigned char>(~second), 0x9D};
        if (masked) bytes.append(key.begin(), key.end());
        for (std::size_t i = 0; i < payload.size(); ++i)
            bytes += static_cast<char>(payload[i] ^ (masked ? static_cast<char>(key[i % 4]) : '\0'));
    }
    return bytes;
}

Pieces cut(std::string_view bytes, unsigned seed)
{
    Pieces pieces;
    unsigned state = seed;
    while (!bytes.empty()) {
        state = state * 1103515245U + 12345U;
        const std::size_t n = seed == 0 ? bytes.size() : seed == 1 ? 1 : 1 + (state >> 16) % 23;
        pieces.emplace_back(bytes.substr(0, n));
        bytes.remove_prefix(pieces.back().size());
    }
    return pieces;
}

// Beast does not look for an unfinished code point when the last fragment is empty, and gives text that is
// not UTF-8. We refuse it.
bool beast_missed_utf8(const Verdict& ours, const Verdict& beasts)
{
    if (ours.empty() || beasts.size() < ours.size() || !ours.back().starts_with("fault ")) return false;
    const std::string& other = beasts[ours.size() - 1];
    return other.starts_with("text ") && !simdjson::validate_utf8(other.data() + 5, other.size() - 5) &&
           std::equal(ours.begin(), ours.end() - 1, beasts.begin());
}

void print(const char* whose, const Verdict& verdict)
{
    std::fprintf(stderr, "%s:\n", whose);
    for (const std::string& word : verdict) std::fprintf(stderr, "  %s\n", word.c_str());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2) return 0;
    const Role role = (data[0] & 1) != 0 ? Role::client : Role::server;
    constexpr std::uint64_t bounds[] = {1 << 20, 5, 64, 300};
    const std::uint64_t max_message = bounds[(data[0] >> 2) & 3];
    const std::string_view input{reinterpret_cast<const char*>(data) + 2, size - 2};
    const std::string bytes = (data[0] & 2) != 0 ? put_frames_together(input, role) : std::string{input};
    const Pieces pieces = cut(bytes, data[1]);
    const Verdict ours = agenthost::test::our_verdict(role, max_message, pieces);
    const Verdict beasts = agenthost::test::beast_verdict(role, max_message, pieces);
    if (ours == beasts || beast_missed_utf8(ours, beasts)) return 0;
    print("FrameReader", ours);
    print("Beast", beasts);
    std::abort();
}
