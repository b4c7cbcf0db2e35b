// Converts text to printer commands: charset, code pages, CJK mode, line breaks, and pictures of the
// characters that the printer does not have. Pure.
//
// Before each run of characters of one code page the printer receives the page's number, which depends on the
// profile. CJK models receive FS . before single-byte pages and FS & before double-byte text. The text ends
// by restoring the state after power-on. No character becomes '?'.
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
    // The charset of the input, in any spelling that canonical_charset knows; empty means UTF-8.
    std::string charset;
    bool font_b = false, bold = false, underline = false;
    // Factors of the character size, 1 to 8.
    unsigned width = 1, height = 1;
    Align align = Align::left;
    // Cells from one tab stop to the next.
    unsigned tab = 8;
    // If true, lines break at spaces, else anywhere.
    bool words = true;
    // If true, ESC @ comes first and clears the settings of the previous job.
    bool initialize = true;
    // Lines to feed after the text, then the cut. A model without a cutter feeds as far as a cut would.
    unsigned feed = 0;
    Cut cut = Cut::none;
};

inline constexpr std::size_t max_text_bytes = 256 * 1024;
inline constexpr std::size_t max_composed_bytes = 8 * 1024 * 1024;

// Statistics about the composed text; part of the task's result.
struct TextMeta {
    std::size_t lines = 0, page_switches = 0;
    // Lines printed as pictures, and the characters that the printer lacks, which made them pictures.
    std::size_t raster_lines = 0, raster_characters = 0;
    // Of these characters: drawn as an empty box because no font has them; replaced by a square because the
    // printer prints no pictures.
    std::size_t missing_glyphs = 0, replaced = 0;
    // Control characters that were removed.
    std::size_t dropped = 0;
    bool operator==(const TextMeta&) const = default;
};

struct Composed {
    std::vector<std::uint8_t> bytes;
    TextMeta meta;
    // CHARSET_UNSUPPORTED, INVALID_REQUEST (with the position) or TOO_LARGE. If set, `bytes` is empty.
    Problem problem;
};

// Composes the job for `text`. If `glyphs` is nullptr, a square replaces each character that the printer
// lacks.
Composed compose_text(std::string_view text, const TextOptions& options, const Profile& profile,
                      const GlyphSource* glyphs);

// Appends the feed and the cut that the profile's cutter can make.
void append_cut(std::vector<std::uint8_t>& out, Cut cut, const Profile& profile);

} // namespace agenthost::printer
