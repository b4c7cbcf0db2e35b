// Reads the characters that Terminus lacks (Chinese, Japanese, Korean, Thai, Hebrew, Arabic) from the
// OpenType file of GNU Unifont, if it is installed.
//
// Maps the file, so only the pages of drawn glyphs are in memory. Unifont's outlines consist of squares; a
// few operators of Type 2 outlines are enough to recover its 16 x 16 dots. Checks every offset: a damaged
// file causes no access outside of the mapping. Threads: any; the font does not change after open().
#pragma once

#include "plugins/printer/render/glyphs.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace agenthost::printer::render {

class WideFont {
public:
    // Opens a font file. Returns nullptr if it does not exist or has another format (this class reads
    // OpenType with CFF outlines of 64 units, 4 units per dot).
    static std::unique_ptr<WideFont> open(const std::string& file);
    // Returns the installed Unifont, which the first call opens, or nullptr if it is not installed.
    static const WideFont* installed();

    WideFont(const WideFont&) = delete;
    WideFont& operator=(const WideFont&) = delete;
    ~WideFont();

    // Returns the glyph of the character (8 x 16 or 16 x 16 dots), or nullopt if the font does not have it.
    [[nodiscard]] std::optional<Glyph> find(char32_t) const;

private:
    explicit WideFont(std::span<const std::uint8_t> file) : file_{file} {}
    bool read_tables();
    bool read_outlines(std::size_t cff);
    [[nodiscard]] std::uint32_t number(std::size_t at, std::size_t bytes) const;
    [[nodiscard]] std::uint32_t glyph_of(char32_t) const;
    [[nodiscard]] std::span<const std::uint8_t> outline(std::uint32_t glyph) const;

    std::span<const std::uint8_t> file_;
    // Offsets of the tables in the file.
    std::size_t characters_ = 0, widths_ = 0, outlines_ = 0;
    std::uint32_t glyphs_ = 0, offset_size_ = 0;
};

} // namespace agenthost::printer::render
