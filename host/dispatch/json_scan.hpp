// Recognises plain JSON in one pass; for anything else the caller asks simdjson. Plugins' results pass here
// on the hot path, where building a document only to discard it costs more than the rest of dispatch. It
// accepts a subset (ASCII, no escapes, depth 64) and nothing else; a test compares it with simdjson on
// mutated documents.
//
// Pure. Any thread; lives on the stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace agenthost::host::json {

class Scan {
public:
    explicit Scan(std::string_view text) : text_{text.data()}, size_{text.size()} {}

    [[nodiscard]] bool certainly_valid() const
    {
        // A copy that nothing else can reach: its members are in registers.
        Scan scan = *this;
        return scan.run();
    }

private:
    static constexpr std::size_t block_bytes = 64;

    [[gnu::always_inline]] bool run()
    {
        // One bit for each level: 1 object, 0 array.
        std::uint64_t objects = 0;
        int depth = 0;
        // Each round begins where a value is expected.
        for (;;) {
            space();
            if (at_ == size_) return false;
            const char c = text_[at_];
            if (c == '{' || c == '[') {
                if (depth == 64) return false;
                ++at_;
                objects = objects << 1 | (c == '{');
                ++depth;
                space();
                if (at_ == size_) return false;
                if (text_[at_] == (c == '{' ? '}' : ']')) {
                    ++at_;
                    objects >>= 1;
                    --depth;
                } else if (c == '{') {
                    if (!key()) return false;
                    continue;
                } else
                    continue;
            } else if (!scalar())
                return false;

            // After a value.
            for (;;) {
                space();
                if (depth == 0) return at_ == size_;
                if (at_ == size_) return false;
                const bool in_object = objects & 1;
                const char next = text_[at_++];
                if (next == ',') {
                    if (!in_object) break;
                    space();
                    if (!key()) return false;
                    break;
                }
                if (next != (in_object ? '}' : ']')) return false;
                objects >>= 1;
                --depth;
            }
        }
    }

    [[gnu::always_inline]] void space()
    {
        if (at_ != size_ && static_cast<unsigned char>(text_[at_]) > ' ') return; // nearly always
        while (at_ != size_ &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
            ++at_;
    }

    [[gnu::always_inline]] bool key()
    {
        if (!string()) return false;
        space();
        if (at_ == size_ || text_[at_] != ':') return false;
        ++at_;
        return true;
    }

    // The ends of all strings in a block are found at once, so that a short string costs a shift and a count.
    [[gnu::always_inline]] bool string()
    {
        if (at_ == size_ || text_[at_] != '"') return false;
        ++at_;
        for (;;) {
            if (at_ < scanned_) {
                if (const std::uint64_t left = special_ >> at_ % block_bytes) {
                    at_ += static_cast<std::size_t>(__builtin_ctzll(left));
                    return at_ != size_ && text_[at_++] == '"';
                }
                at_ = scanned_;
            }
            if (scanned_ >= size_) return false;
            special_ = special_bytes(text_ + scanned_, size_ - scanned_);
            scanned_ += block_bytes;
        }
    }

    // A bit for each byte of a block that ends a string: a quote, or what is not in the subset. Bytes beyond
    // the text are not.
    [[gnu::noinline]] static std::uint64_t special_bytes(const char* from, std::size_t size)
    {
        char last[block_bytes];
        if (size < block_bytes) {
            std::memset(last, 0, sizeof last);
            std::memcpy(last, from, size);
            from = last;
        }
        std::uint64_t bits = 0;
#ifdef __SSE2__
        for (int part = 3; part >= 0; --part) {
            const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + part);
            const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
            const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
            // As signed bytes, what is less than a blank is a control character or not ASCII.
            const __m128i control = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
            const int found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control));
            bits = bits << 16 | static_cast<std::uint64_t>(found);
        }
#else
        for (std::size_t i = block_bytes; i-- > 0;) {
            const auto c = static_cast<unsigned char>(from[i]);
            bits = bits << 1 | (c == '"' || c == '\\' || c < 0x20 || c > 0x7f);
        }
#endif
        return bits;
    }

    [[gnu::always_inline]] bool digits()
    {
        const std::size_t from = at_;
        while (at_ != size_ && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
        return at_ != from;
    }

    // Short integers only: simdjson refuses numbers beyond what fits, and knows the rest of the grammar.
    [[gnu::always_inline]] bool number()
    {
        const std::size_t from = at_;
        if (text_[at_] == '-') ++at_;
        const std::size_t first = at_;
        if (!digits() || at_ - from > 18 || (text_[first] == '0' && at_ - first > 1)) return false;
        return at_ == size_ || (text_[at_] != '.' && text_[at_] != 'e' && text_[at_] != 'E');
    }

    [[gnu::always_inline]] bool word(const char* text, std::size_t size)
    {
        if (size_ - at_ < size || std::memcmp(text_ + at_, text, size) != 0) return false;
        at_ += size;
        return true;
    }

    [[gnu::always_inline]] bool scalar()
    {
        if (text_[at_] == '"') return string();
        switch (text_[at_]) {
        case 't': return word("true", 4);
        case 'f': return word("false", 5);
        case 'n': return word("null", 4);
        default: return number();
        }
    }

    const char* text_;
    std::size_t size_, at_ = 0;
    // Blocks up to here have been scanned; `special_` is the last one's.
    std::size_t scanned_ = 0;
    std::uint64_t special_ = 0;
};

} // namespace agenthost::host::json
