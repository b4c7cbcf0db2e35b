// Recognizes plain JSON in one pass; for anything else the caller asks simdjson. Plugins' results pass here
// on the hot path, where building a document only to discard it costs more than the rest of dispatch. It
// accepts a subset (ASCII, no escapes, depth 64) and nothing else; a test compares it with simdjson on
// mutated documents.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace agenthost::host::json {

class Scan {
public:
    explicit Scan(std::string_view text) : at_{text.data()}, end_{text.data() + text.size()} {}

    bool certainly_valid()
    {
        // One bit for each level: 1 object, 0 array.
        std::uint64_t objects = 0;
        int depth = 0;
        // Each round begins where a value is expected.
        for (;;) {
            space();
            if (at_ == end_) return false;
            const char c = *at_;
            if (c == '{' || c == '[') {
                if (depth == 64) return false;
                ++at_;
                objects = objects << 1 | (c == '{');
                ++depth;
                space();
                if (at_ == end_) return false;
                if (*at_ == (c == '{' ? '}' : ']')) {
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
                if (depth == 0) return at_ == end_;
                if (at_ == end_) return false;
                const bool in_object = objects & 1;
                const char next = *at_++;
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

private:
    void space()
    {
        if (at_ != end_ && static_cast<unsigned char>(*at_) > ' ') return; // nearly always
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
    }

    bool key()
    {
        if (!string()) return false;
        space();
        if (at_ == end_ || *at_ != ':') return false;
        ++at_;
        return true;
    }

    bool string()
    {
        if (at_ == end_ || *at_ != '"') return false;
        ++at_;
#ifdef __SSE2__
        const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), blank = _mm_set1_epi8(' ');
        while (end_ - at_ >= 16) {
            const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
            // As signed bytes, what is less than a blank is a control character or not ASCII.
            const __m128i special =
                _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
                             _mm_cmplt_epi8(block, blank));
            const int found = _mm_movemask_epi8(special);
            if (found == 0) {
                at_ += 16;
                continue;
            }
            at_ += __builtin_ctz(static_cast<unsigned>(found));
            return *at_++ == '"';
        }
#endif
        for (; at_ != end_; ++at_) {
            const auto c = static_cast<unsigned char>(*at_);
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c < 0x20 || c > 0x7f || c == '\\') return false;
        }
        return false;
    }

    bool digits()
    {
        const char* from = at_;
        while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
        return at_ != from;
    }

    // Short integers only: simdjson refuses numbers beyond what fits, and knows the rest of the grammar.
    bool number()
    {
        const char* from = at_;
        if (*at_ == '-') ++at_;
        const char* first = at_;
        if (!digits() || at_ - from > 18 || (*first == '0' && at_ - first > 1)) return false;
        return at_ == end_ || (*at_ != '.' && *at_ != 'e' && *at_ != 'E');
    }

    bool word(const char* text, std::ptrdiff_t size)
    {
        if (end_ - at_ < size || std::memcmp(at_, text, static_cast<std::size_t>(size)) != 0) return false;
        at_ += size;
        return true;
    }

    bool scalar()
    {
        switch (*at_) {
        case '"': return string();
        case 't': return word("true", 4);
        case 'f': return word("false", 5);
        case 'n': return word("null", 4);
        default: return number();
        }
    }

    const char *at_, *end_;
};

} // namespace agenthost::host::json
