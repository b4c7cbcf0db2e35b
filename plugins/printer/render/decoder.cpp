#include "decoder.hpp"

#include <iconv.h>

#include <cerrno>
#include <utility>

namespace agenthost::printer::render {

namespace {

struct Alias {
    std::string_view charset, iconv;
};
// The sets as Windows has them hold what printers print, and more than the standards.
constexpr std::array aliases{Alias{"SHIFT_JIS", "CP932"}, Alias{"JIS", "EUC-JP"}, Alias{"BIG5", "CP950"},
                             Alias{"EUC-KR", "CP949"}};

} // namespace

Decoder::Decoder(std::string charset) : page_{find_code_page("cp437")} { select_charset(std::move(charset)); }

Decoder::~Decoder()
{
    if (converter_) ::iconv_close(static_cast<iconv_t>(converter_));
}

void Decoder::select_charset(std::string charset)
{
    if (std::exchange(always_, false)) multi_byte_ = false;
    if (charset == charset_) return;
    charset_ = std::move(charset);
    seven_bits_ = charset_ == "JIS";
    size_ = 0;
    if (converter_) ::iconv_close(static_cast<iconv_t>(converter_));
    converter_ = nullptr;
    if (multi_byte_) multi_byte_ = open();
}

void Decoder::select_shift_jis()
{
    select_charset("SHIFT_JIS");
    always_ = multi_byte(true);
}

bool Decoder::open()
{
    if (converter_) return true;
    std::string name = charset_;
    for (const Alias& alias : aliases)
        if (alias.charset == charset_) name = alias.iconv;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): iconv's own error value
    if (const iconv_t opened = ::iconv_open("UCS-4LE", name.c_str()); opened != reinterpret_cast<iconv_t>(-1))
        converter_ = opened;
    return converter_ != nullptr;
}

bool Decoder::multi_byte(bool on)
{
    size_ = 0;
    multi_byte_ = on && open();
    return multi_byte_ == on;
}

std::optional<char32_t> Decoder::take(std::uint8_t byte)
{
    const bool pairs = multi_byte_ && seven_bits_ && byte > 0x20;
    if (size_ == 0 && byte < 0x80 && !pairs) return international(set_, byte);
    if (multi_byte_) {
        bytes_[size_++] = static_cast<char>(pairs ? byte | 0x80U : byte);
        return convert();
    }
    const char16_t code = page_ ? page_->upper[byte - 0x80U] : 0;
    return code == 0 ? nothing : code;
}

std::optional<char32_t> Decoder::convert()
{
    char* in = bytes_.data();
    std::array<unsigned char, 8> code{};
    char* out = reinterpret_cast<char*>(code.data());
    std::size_t in_left = size_, out_left = code.size();
    const auto converter = static_cast<iconv_t>(converter_);
    ::iconv(converter, nullptr, nullptr, nullptr, nullptr);
    const bool done = ::iconv(converter, &in, &in_left, &out, &out_left) != static_cast<std::size_t>(-1);
    if (!done && errno == EINVAL && size_ < bytes_.size()) return std::nullopt;
    size_ = 0;
    if (!done || out_left == code.size()) return nothing;
    return code[0] | code[1] << 8U | code[2] << 16U;
}

void append_utf8(std::string& out, char32_t c)
{
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
    const auto byte = [&](char32_t bits) { out += static_cast<char>(bits); };
    if (c < 0x80) {
        byte(c);
    } else if (c < 0x800) {
        byte(0xc0 | c >> 6);
        byte(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        byte(0xe0 | c >> 12);
        byte(0x80 | (c >> 6 & 0x3f));
        byte(0x80 | (c & 0x3f));
    } else {
        byte(0xf0 | c >> 18);
        byte(0x80 | (c >> 12 & 0x3f));
        byte(0x80 | (c >> 6 & 0x3f));
        byte(0x80 | (c & 0x3f));
    }
}

} // namespace agenthost::printer::render
