// How much room characters take on a line of fixed cells, and composed forms of letters with marks. Pure.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::printer {

// 2: East Asian wide and full-width characters and most emoji; 0: combining marks and format characters; else 1.
unsigned cells(char32_t character);

// A letter and a combining mark behind it become one character where Unicode has it (canonical composition of Latin, Greek, Cyrillic
// and what the code pages hold), because code pages have letters, not marks.
std::u32string compose(std::u32string_view text);

} // namespace agenthost::printer
