// How the printer that is imitated looks, and the bounds of a picture. A profile of content/ fills it in.
#pragma once

#include "plugins/printer/render/wide_font.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::printer::render {

struct Options {
    // Dots of a printed line: 576 for 80 mm paper, 384 for 58 mm.
    int width = 576;
    int dots_per_inch = 203;
    int line_spacing = 30;
    // Height of an area of page mode that the job does not set.
    int page_height = 1'662;
    // ESC t number -> name of code_pages.hpp, where the printer differs from Epson's numbers.
    std::vector<std::pair<std::uint8_t, std::string>> code_pages;
    // Its multi-byte character set: GB18030, SHIFT_JIS, JIS, BIG5, EUC-KR, UTF-8, or one that iconv knows.
    std::string charset = "GB18030";
    // It starts in Kanji mode (most Chinese models do).
    bool kanji = false;
    // Draws a dashed line at each cut.
    bool cut_marks = true;
    // For what Terminus has not; nullptr: an empty box is drawn.
    const WideFont* wide_font = nullptr;

    // Bounds: 4 m of paper; dots that may be drawn (a hostile job draws the same page for ever); lines and
    // bytes of text.
    int max_rows = 32'000;
    std::uint64_t max_work = 200'000'000;
    std::size_t max_lines = 20'000, max_text = 2U << 20U;
    // Bytes of one command's data, and of all images that the job stores in the printer.
    std::size_t max_data = 512U << 10U, max_stored = 1U << 20U;
};

} // namespace agenthost::printer::render
