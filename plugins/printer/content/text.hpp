// Text to printer commands: charset, code pages, CJK mode, line breaks, and pictures of what the printer's character sets lack. Pure.
//
// The printer gets the page's number before each run of that page (its own number: profiles differ), FS . before single-byte pages and
// FS & before double-byte text on CJK models, and at the end the state that it had after power-on. No character becomes '?'.
#pragma once

#include "bitmap.hpp"
#include "profile.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer {

enum class Align : std::uint8_t { left, center, right };

struct TextOptions {
    // Of the input, as people write it; empty: UTF-8.
    std::string charset;
    bool font_b = false, bold = false, underline = false;
    // Multiples of a character's size, 1 to 8.
    unsigned width = 1, height = 1;
    Align align = Align::left;
    // Cells from one tab stop to the next.
    unsigned tab = 8;
    // Break lines at spaces; else anywhere.
    bool words = true;
    // ESC @ first: what a job before left behind is gone.
    bool initialize = true;
    // Lines of feed behind the text, and the cut. A model without a cutter feeds what a cutter would have fed.
    unsigned feed = 0;
    Cut cut = Cut::none;
};

inline constexpr std::size_t max_text_bytes = 256 * 1024;
inline constexpr std::size_t max_composed_bytes = 8 * 1024 * 1024;

// What became of the text; part of the task's result.
struct TextMeta {
    std::size_t lines = 0, page_switches = 0;
    // Lines that are pictures, and the characters that made them so.
    std::size_t raster_lines = 0, raster_characters = 0;
    // Of these: no glyph either, drawn as an empty box; or printed as a black square because the printer prints no pictures.
    std::size_t missing_glyphs = 0, replaced = 0;
    // Controls, which text must not hold.
    std::size_t dropped = 0;
    bool operator==(const TextMeta&) const = default;
};

struct Composed {
    std::vector<std::uint8_t> bytes;
    TextMeta meta;
    // CHARSET_UNSUPPORTED, INVALID_REQUEST (with position) or TOO_LARGE; then there are no bytes.
    Problem problem;
};

// `glyphs` may be null.
Composed compose_text(std::string_view text, const TextOptions& options, const Profile& profile,
                      const GlyphSource* glyphs);

// Feed and cut by what the profile's cutter can do.
void append_cut(std::vector<std::uint8_t>& out, Cut cut, const Profile& profile);

} // namespace agenthost::printer
