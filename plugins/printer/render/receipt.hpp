// What a printer prints: a picture, the lines of text with their places, and what a picture cannot show
// (drawer pulses, beeps). Plain values.
#pragma once

#include "plugins/printer/render/picture.hpp"
#include "plugins/printer/render/surface.hpp"

#include <string>
#include <vector>

namespace agenthost::printer::render {

// A printed line, symbol or image, in the order on the paper.
struct TextLine {
    enum class Kind : std::uint8_t { text, symbol, image, cut };
    Kind kind = Kind::text;
    // In dots of the picture. For text, the box around its characters, including spaces at both ends.
    Rectangle where;
    // text: UTF-8, without spaces at the end; symbol: its data, with bytes that are not UTF-8 as \xHH; image:
    // its size, "384x120"; cut: "full" or "partial".
    std::string text;
    // symbol: "QR", "EAN13", "CODE128", "PDF417", ...
    std::string symbology;
};

struct Note {
    enum class Kind : std::uint8_t { drawer, beep, other };
    Kind kind = Kind::other;
    // The row of the picture at this point of the job.
    int y = 0;
    // "pin 2, on 100 ms, off 500 ms"
    std::string text;
};

struct Cut {
    int y = 0;
    bool partial = false;
};

// Something that was not drawn as the job asked, and how often.
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
    // True if a bound (Options) cut off the end of the job.
    bool clipped = false;
};

// Returns the receipt for a terminal: the lines at their columns (of `dots_per_column` dots), [QR "..."],
// [image 384x120], cuts as dashes, notes and warnings at the end. UTF-8; each line ends with a line feed;
// control characters are made visible.
std::string as_text(const Receipt&, int dots_per_column = 12);

} // namespace agenthost::printer::render
