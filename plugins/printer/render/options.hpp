// The properties of the printer that the renderer imitates, and the bounds of a picture. The service fills it
// from a profile of content/.
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
    // Height of the page mode area if the job does not set one.
    int page_height = 1'662;
    // ESC t number and name (code_pages.hpp) of each code page that differs from Epson's numbers.
    std::vector<std::pair<std::uint8_t, std::string>> code_pages;
    // ESC t number of the page that is selected at the start and after ESC @.
    std::uint8_t code_page = 0;
    // The printer's multi-byte charset: GB18030, SHIFT_JIS, JIS, BIG5, EUC-KR, UTF-8, or one that iconv
    // knows.
    std::string charset = "GB18030";
    // True if the printer starts in Kanji mode (most Chinese models do).
    bool kanji = false;
    // Draws a dashed line at each cut.
    bool cut_marks = true;
    // The font for characters that Terminus does not have. If nullptr, they are drawn as empty boxes.
    const WideFont* wide_font = nullptr;

    // Bounds. Rows: 4 m of paper. Work: dots that are drawn, as a job can print the same page many times.
    int max_rows = 32'000;
    std::uint64_t max_work = 200'000'000;
    std::size_t max_lines = 20'000, max_text = 2U << 20U;
    // Bytes of the data of one command, and of all images that the job stores in the printer.
    std::size_t max_data = 512U << 10U, max_stored = 1U << 20U;
};

} // namespace agenthost::printer::render
