// Characters that a receipt printer has in its own memory and Terminus does not (Chinese, Japanese, Korean,
// Thai, Hebrew, Arabic), from the OpenType file of GNU Unifont where it is installed.
//
// The file is mapped, not read: only the pages of the glyphs that are drawn are in memory. Unifont's outlines
// are squares, so a few lines of the Type 2 language give its 16 x 16 dots back. Whatever the file holds,
// nothing outside it is read. Threads: const after opening, any.
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
    // nullptr: no such file, or not one that this class reads (OpenType with CFF outlines of 64 units, of
    // which 4 are a dot).
    static std::unique_ptr<WideFont> open(const std::string& file);
    // The installed one, opened at the first call; nullptr: none is installed.
    static const WideFont* installed();

    WideFont(const WideFont&) = delete;
    WideFont& operator=(const WideFont&) = delete;
    ~WideFont();

    // 8 x 16 or 16 x 16 dots.
    [[nodiscard]] std::optional<Glyph> find(char32_t) const;

private:
    explicit WideFont(std::span<const std::uint8_t> file) : file_{file} {}
    bool read_tables();
    bool read_outlines(std::size_t cff);
    [[nodiscard]] std::uint32_t number(std::size_t at, std::size_t bytes) const;
    [[nodiscard]] std::uint32_t glyph_of(char32_t) const;
    [[nodiscard]] std::span<const std::uint8_t> outline(std::uint32_t glyph) const;

    std::span<const std::uint8_t> file_;
    // Where the tables begin in the file.
    std::size_t characters_ = 0, widths_ = 0, outlines_ = 0;
    std::uint32_t glyphs_ = 0, offset_size_ = 0;
};

} // namespace agenthost::printer::render
