// Decodes the bytes of a job to characters: code pages, national variants of ASCII, and through iconv the
// multi-byte charsets of Kanji mode.
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
    // Switches Kanji mode on or off. Returns false if iconv does not know the charset; then Kanji mode stays
    // off.
    bool multi_byte(bool on);
    [[nodiscard]] bool is_multi_byte() const { return multi_byte_; }
    // Sets the charset of Kanji mode, as in Options.
    void select_charset(std::string charset);
    // Returns whether FS C has selected Shift JIS. Its pairs of bytes are then decoded even if Kanji mode is
    // off.
    [[nodiscard]] bool always_multi_byte() const { return always_; }
    void select_shift_jis();

    static constexpr char32_t nothing = 0xfffd;
    // Takes the next byte. Returns the character that it completes, `nothing` if the bytes are not a
    // character, or nullopt if the character needs more bytes.
    std::optional<char32_t> take(std::uint8_t byte);
    // Returns whether a character has begun and needs more bytes.
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
    // iconv_t, or nullptr
    void* converter_ = nullptr;
};

// Appends a character as UTF-8. Appends U+FFFD for a value that is not a Unicode character.
void append_utf8(std::string& out, char32_t);

} // namespace agenthost::printer::render
