// The fuzzer of tests/fuzz that compares FrameReader with Beast, over frames made at random: mostly whole
// ones, with faults here and there.
#define LLVMFuzzerTestOneInput fuzz_frame
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "tests/fuzz/frame_fuzz.cpp"

#include "tests/unit/wire/fuzz_corpus.hpp"

#include <gtest/gtest.h>

#include <random>

namespace {

class Inputs {
public:
    explicit Inputs(unsigned seed) : random_{seed} {}

    std::string next()
    {
        std::string input{static_cast<char>(2 | below(2) | (below(3) == 0 ? below(4) << 2 : 0)),
                          static_cast<char>(below(3) == 0 ? below(2) : below(256))};
        for (unsigned frames = 1 + below(6); frames > 0; --frames) append_frame(input);
        if (below(20) == 0) input[0] = static_cast<char>(input[0] & ~2);
        return input;
    }

private:
    unsigned below(unsigned n) { return random_() % n; }

    void append_frame(std::string& input)
    {
        static constexpr unsigned char firsts[] = {0x81, 0x81, 0x82, 0x01, 0x01, 0x02, 0x00,
                                                   0x00, 0x80, 0x80, 0x80, 0x89, 0x8A, 0x88,
                                                   0x09, 0xC1, 0x83, 0x8B, 0x91, 0xA0};
        const unsigned common = 13;
        const unsigned char first = firsts[below(below(8) == 0 ? sizeof firsts : common)];
        std::string payload;
        if (first == 0x88) {
            constexpr unsigned codes[] = {1000, 1001, 1005, 1006, 1011, 1013, 1014,
                                          1016, 2999, 3000, 4999, 5000, 999,  0};
            const unsigned code = codes[below(std::size(codes))];
            if (below(6) != 0) payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
        }
        append_text(payload);
        payload.resize(std::min<std::size_t>(payload.size(), 0x7F));
        input += static_cast<char>(first);
        input += static_cast<char>(payload.size() | (below(60) == 0 ? 0x80 : 0));
        input += payload;
    }

    // Code points of every length, now and then cut short or wrong.
    void append_text(std::string& out)
    {
        static constexpr std::string_view good[] = {"a",
                                                    "0123456789abcdef",
                                                    "\xC3\xA9",
                                                    "\xE2\x82\xAC",
                                                    "\xF0\x9F\x98\x80",
                                                    "\xED\x9F\xBF",
                                                    "\xEF\xBF\xBF",
                                                    "\xF4\x8F\xBF\xBF",
                                                    "\xE0\xA0\x80"};
        static constexpr std::string_view odd[] = {"\xC3",     "\xE2\x82", "\xE2",     "\xF0\x9F\x98",
                                                   "\xF0",     "\xF0\x9F", "\x80",     "\xC0\xAF",
                                                   "\xE0\x80", "\xED\xA0", "\xF4\x90", "\xF5",
                                                   "\xFF",     "\xA9",     "\x82\xAC", "\x9F\x98\x80"};
        for (unsigned n = below(12); n > 0; --n)
            out += below(25) == 0 ? odd[below(std::size(odd))] : good[below(std::size(good))];
    }

    std::mt19937 random_;
};

TEST(FrameFuzz, FindsWhatBeastFindsInTheCorpus)
{
    EXPECT_GE(agenthost::wire::run_over_corpus(fuzz_frame, "frame"), 12u);
}

TEST(FrameFuzz, FindsWhatBeastFindsInFramesMadeAtRandom)
{
    Inputs inputs{20261129};
    for (int i = 0; i < 4'000; ++i) {
        const std::string input = inputs.next();
        fuzz_frame(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    }
}

} // namespace
