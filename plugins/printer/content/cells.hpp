// Counts the cells that characters take on a line, and composes letters with their marks. Pure.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::printer {

// Returns 2 for East Asian wide and full-width characters and most emoji, 0 for combining marks and format
// characters, 1 for all others.
unsigned cells(char32_t character);

// Replaces a letter and the combining mark behind it by the single character that Unicode has for both,
// because code pages contain letters and no marks. Covers the canonical compositions of Latin, Greek and
// Cyrillic, and the characters of the code pages.
std::u32string compose(std::u32string_view text);

} // namespace agenthost::printer
