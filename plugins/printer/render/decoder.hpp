// Bytes of a job as characters: code pages, national variants of ASCII, and the multi-byte sets of Kanji mode
// by iconv.
#pragma once

#include "plugins/printer/render/code_pages.hpp"

#include <array>
#include <optional>
#include <string>

namespace agenthost::printer::render {

class Decoder {
public:
    explicit Decoder(std::string charset);
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;
    ~Decoder();

    void select(const CodePage* page) { page_ = page; }
    void select_international(std::uint8_t set) { set_ = set; }
    // Kanji mode. False: iconv does not know the charset, and bytes stay single.
    bool multi_byte(bool on);
    [[nodiscard]] bool is_multi_byte() const { return multi_byte_; }
    // The charset of Kanji mode from now on, as in Options.
    void select_charset(std::string charset);
    // Shift JIS, chosen by FS C: then its pairs are read whether Kanji mode is on or off.
    [[nodiscard]] bool always_multi_byte() const { return always_; }
    void select_shift_jis();

    static constexpr char32_t nothing = 0xfffd;
    // The character that ends with this byte; `nothing` for bytes that are none; nullopt: more bytes are
    // needed.
    std::optional<char32_t> take(std::uint8_t byte);
    // Whether a character has begun.
    [[nodiscard]] bool pending() const { return size_ > 0; }

private:
    bool open();
    std::optional<char32_t> convert();

    std::string charset_;
    const CodePage* page_ = nullptr;
    std::uint8_t set_ = 0;
    bool multi_byte_ = false;
    // JIS: pairs of 7-bit bytes, read as EUC-JP with the high bits set
    bool seven_bits_ = false, always_ = false;
    std::array<char, 4> bytes_{};
    std::size_t size_ = 0;
    // iconv_t, or null
    void* converter_ = nullptr;
};

// Appends a character; what is no character becomes U+FFFD.
void append_utf8(std::string& out, char32_t);

} // namespace agenthost::printer::render
