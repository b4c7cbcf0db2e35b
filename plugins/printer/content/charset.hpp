// Converts text from the sender's charset to Unicode, and from Unicode to the double-byte charsets of CJK
// printers. Pure except for iconv, which may load a converter from the C library's folder.
//
// Only charsets of a fixed list reach iconv, because some of its converters have had memory faults.
#pragma once

#include "plugins/printer/errors/codes.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::printer {

struct Unicode {
    std::u32string text;
    // If set, `text` is empty. CHARSET_UNSUPPORTED, or INVALID_REQUEST with the position of the first invalid
    // byte.
    Problem problem;
};

// Decodes `bytes`. `charset` may have any spelling that canonical_charset knows; empty means UTF-8. Drops a
// byte order mark.
Unicode to_unicode(std::string_view bytes, std::string_view charset);

// Returns whether a printer's CJK mode can use this charset. True for the canonical names gb18030, gbk, big5,
// shift-jis, euc-kr and utf-8.
bool is_cjk_charset(std::string_view charset);

// Encodes single characters for a CJK mode. Not thread-safe.
class CjkEncoder {
public:
    // `charset`: a canonical name. If iconv has no converter for it, encode() returns "" for every character.
    explicit CjkEncoder(const std::string& charset);
    // Returns the two bytes of the character (UTF-8: 1 to 4). Returns "" if the charset does not contain it,
    // or has only a longer code for it, which printers do not understand.
    const std::string& encode(char32_t character);

private:
    struct Close {
        void operator()(void* converter) const;
    };
    std::unique_ptr<void, Close> converter_;
    bool utf8_ = false;
    // A text uses few different characters. Cleared when it has max_cached entries.
    std::unordered_map<char32_t, std::string> cache_;
};

std::string to_utf8(char32_t character);

} // namespace agenthost::printer
