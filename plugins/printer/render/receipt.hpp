// What comes out of a printer: as a picture, as lines of text with their places, and what a picture cannot
// show. Plain values.
#pragma once

#include "plugins/printer/render/picture.hpp"
#include "plugins/printer/render/surface.hpp"

#include <string>
#include <vector>

namespace agenthost::printer::render {

// One printed line, symbol or image, in the order of the paper.
struct TextLine {
    enum class Kind : std::uint8_t { text, symbol, image, cut };
    Kind kind = Kind::text;
    // In dots of the picture. Of text the box around its characters, spaces at both ends too.
    Rectangle where;
    // text: UTF-8, without the spaces at its end; symbol: its data, bytes that are not UTF-8 as \xHH; image:
    // "384x120"; cut: "full", "partial".
    std::string text;
    // symbol: "QR", "EAN13", "CODE128", "PDF417", ...
    std::string symbology;
};

struct Note {
    enum class Kind : std::uint8_t { drawer, beep, other };
    Kind kind = Kind::other;
    // Row of the picture at which the job asked for it.
    int y = 0;
    // "pin 2, on 100 ms, off 500 ms"
    std::string text;
};

struct Cut {
    int y = 0;
    bool partial = false;
};

// Something that was not drawn as the job meant it, and how often.
struct Warning {
    std::string text;
    std::uint64_t count = 1;
};

struct Receipt {
    Picture picture;
    std::vector<TextLine> lines;
    std::vector<Note> notes;
    std::vector<Cut> cuts;
    std::vector<Warning> warnings;
    // The paper or one of the other bounds (Options) ended before the job.
    bool clipped = false;
};

// For a terminal: the lines at their columns (of `dots_per_column` dots), [QR "..."], [image 384x120], cuts
// as dashes, notes and warnings at the end. UTF-8, each line ends with a line feed; control characters are
// visible.
std::string as_text(const Receipt&, int dots_per_column = 12);

} // namespace agenthost::printer::render
