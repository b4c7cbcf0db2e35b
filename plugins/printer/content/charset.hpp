// Text in the charset that a sender names, to Unicode and to the double-byte sets of CJK printers. Pure apart from iconv, which
// may read a converter from the C library's folder.
//
// Only charsets of a fixed list are handed to iconv: some of its converters have had memory faults.
#pragma once

#include "plugins/printer/errors/codes.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::printer {

struct Unicode {
    std::u32string text;
    // CHARSET_UNSUPPORTED, or INVALID_REQUEST with the position of the first wrong byte.
    Problem problem;
};

// `charset` as people write it; empty: UTF-8. A byte order mark is dropped.
Unicode to_unicode(std::string_view bytes, std::string_view charset);

// Whether a printer's CJK mode can be fed with it: gb18030, gbk, big5, shift-jis, euc-kr, utf-8 (canonical names).
bool is_cjk_charset(std::string_view charset);

// Encodes single characters for a CJK mode. Not thread-safe.
class CjkEncoder {
public:
    // Canonical name. Without a converter for it, every character is missing.
    explicit CjkEncoder(const std::string& charset);
    // Two bytes (UTF-8: its own length); empty: the set lacks it, or has it only as a longer code that printers do not know.
    const std::string& encode(char32_t character);

private:
    struct Close {
        void operator()(void* converter) const;
    };
    std::unique_ptr<void, Close> converter_;
    bool utf8_ = false;
    // A text's characters are few; cleared when it has max_cached.
    std::unordered_map<char32_t, std::string> cache_;
};

std::string to_utf8(char32_t character);

} // namespace agenthost::printer
