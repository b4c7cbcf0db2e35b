#include "charset.hpp"

#include "code_page.hpp"

#include "base/utf8.hpp"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <span>
#include <utility>

namespace agenthost::printer {

namespace {

constexpr std::size_t max_cached = 8'192;

// Canonical name, name for iconv.
constexpr std::array<std::pair<std::string_view, const char*>, 9> converters{{
    {"gb18030", "GB18030"},
    {"gbk", "GBK"},
    {"big5", "BIG5"},
    {"big5-hkscs", "BIG5-HKSCS"},
    {"shift-jis", "CP932"},
    {"euc-jp", "EUC-JP"},
    {"euc-kr", "UHC"},
    {"utf-16le", "UTF-16LE"},
    {"utf-16be", "UTF-16BE"},
}};
constexpr std::array<std::string_view, 5> double_byte{"gb18030", "gbk", "big5", "shift-jis", "euc-kr"};

const char* converter_for(std::string_view charset)
{
    const auto row = std::ranges::find(converters, charset, &std::pair<std::string_view, const char*>::first);
    return row == converters.end() ? nullptr : row->second;
}

// iconv_open says "failed" by a pointer that is not null.
void* open_converter(const char* to, const char* from)
{
    iconv_t const opened = ::iconv_open(to, from);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): as POSIX defines it
    return opened == reinterpret_cast<iconv_t>(-1) ? nullptr : opened;
}

Problem wrong_byte(std::string_view bytes, std::size_t at, std::string_view charset)
{
    std::array<char, 8> hex{};
    std::snprintf(hex.data(), hex.size(), "0x%02X",
                  at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U);
    return problem(code::invalid_request, "the text is not valid " + std::string{charset} + " at byte " +
                                              std::to_string(at) + " (" + hex.data() + ")");
}

char32_t read_utf8(std::string_view one)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(one[i]); };
    if (one.size() == 1) return byte(0);
    char32_t c = byte(0) & (0x7FU >> one.size());
    for (std::size_t i = 1; i < one.size(); ++i) c = c << 6 | (byte(i) & 0x3FU);
    return c;
}

Unicode from_utf8(std::string_view bytes)
{
    Unicode out;
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t length = base::utf8_length(bytes, i);
        if (length == 0) return {{}, wrong_byte(bytes, i, "UTF-8")};
        out.text += read_utf8(bytes.substr(i, length));
        i += length;
    }
    return out;
}

Unicode from_page(std::string_view bytes, const CodePage& page, std::string_view charset)
{
    Unicode out;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto c = decode(page, static_cast<std::uint8_t>(bytes[i]));
        // 0xA0 is a no-break space in the ISO and Windows pages, which the tables leave out.
        const bool space =
            static_cast<unsigned char>(bytes[i]) == 0xA0 || static_cast<unsigned char>(bytes[i]) == 0xFF;
        if (!c && !space) return {{}, wrong_byte(bytes, i, charset)};
        out.text += c.value_or(U'\u00A0');
    }
    return out;
}

Unicode by_iconv(std::string_view bytes, const char* name, std::string_view charset, void* converter)
{
    Unicode out;
    std::string input{bytes};
    char* in = input.data();
    std::size_t left = input.size();
    std::array<char32_t, 1'024> piece{};
    while (left > 0) {
        char* to = reinterpret_cast<char*>(piece.data());
        std::size_t space = sizeof piece;
        const std::size_t result = ::iconv(converter, &in, &left, &to, &space);
        out.text.append(piece.data(), (sizeof piece - space) / sizeof(char32_t));
        if (result != static_cast<std::size_t>(-1) || space < sizeof(char32_t)) continue;
        if (errno == E2BIG && space < sizeof piece) continue;
        return {{}, wrong_byte(bytes, bytes.size() - left, charset.empty() ? name : charset)};
    }
    return out;
}

Unicode decode_text(std::string_view bytes, std::string_view charset)
{
    const std::string name = canonical_charset(charset);
    if (name.empty() || name == "utf-8") return from_utf8(bytes);
    if (name == "ascii") {
        const auto bad = std::ranges::find_if(bytes, [](unsigned char c) { return c >= 0x80; });
        if (bad != bytes.end())
            return {{}, wrong_byte(bytes, static_cast<std::size_t>(bad - bytes.begin()), "ASCII")};
        return from_utf8(bytes);
    }
    if (const auto* page = find_code_page(name)) return from_page(bytes, *page, charset);
    const char* converter = converter_for(name);
    if (!converter)
        return {{},
                problem(code::charset_unsupported,
                        "the charset \"" + std::string{charset.substr(0, 64)} + "\" is unknown")};
    iconv_t const opened = open_converter("UTF-32LE", converter);
    if (!opened)
        return {{},
                {code::charset_unsupported,
                 std::string{"the C library of this node has no converter for "} + converter +
                     ". Install its converters (Fedora, RHEL: glibc-gconv-extra; Debian 13: "
                     "libc-gconv-modules-extra), or send the text as UTF-8."}};
    Unicode out = by_iconv(bytes, converter, charset, opened);
    ::iconv_close(opened);
    return out;
}

} // namespace

Unicode to_unicode(std::string_view bytes, std::string_view charset)
{
    Unicode out = decode_text(bytes, charset);
    if (out.text.starts_with(U'\uFEFF')) out.text.erase(0, 1);
    return out;
}

bool is_cjk_charset(std::string_view charset)
{
    return charset == "utf-8" || std::ranges::find(double_byte, charset) != double_byte.end();
}

void CjkEncoder::Close::operator()(void* converter) const { ::iconv_close(converter); }

CjkEncoder::CjkEncoder(const std::string& charset) : utf8_{charset == "utf-8"}
{
    if (!utf8_ && is_cjk_charset(charset))
        converter_.reset(open_converter(converter_for(charset), "UTF-32LE"));
}

const std::string& CjkEncoder::encode(char32_t character)
{
    if (cache_.size() >= max_cached) cache_.clear();
    const auto [entry, is_new] = cache_.try_emplace(character);
    std::string& bytes = entry->second;
    if (!is_new || character < 0x80) return bytes;
    if (utf8_) return bytes = to_utf8(character);
    if (!converter_) return bytes;
    std::array<char, 8> out{};
    char *in = reinterpret_cast<char*>(&character), *to = out.data();
    std::size_t left = sizeof character, space = out.size();
    const std::size_t result = ::iconv(converter_.get(), &in, &left, &to, &space);
    ::iconv(converter_.get(), nullptr, nullptr, nullptr, nullptr);
    if (result == 0 && out.size() - space == 2) bytes.assign(out.data(), 2);
    return bytes;
}

std::string to_utf8(char32_t c)
{
    const auto tail = [&](unsigned shift) { return static_cast<char>(0x80U | (c >> shift & 0x3FU)); };
    if (c < 0x80) return {static_cast<char>(c)};
    if (c < 0x800) return {static_cast<char>(0xC0U | c >> 6), tail(0)};
    if (c < 0x10000) return {static_cast<char>(0xE0U | c >> 12), tail(6), tail(0)};
    return {static_cast<char>(0xF0U | c >> 18), tail(12), tail(6), tail(0)};
}

} // namespace agenthost::printer
