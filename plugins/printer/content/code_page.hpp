// Converts between characters and the bytes of a printer's code page, for composing text. Pure.
//
// Uses only the certain bytes of a page: those that every printer with this page prints alike.
#pragma once

#include "plugins/printer/render/code_pages.hpp"

#include <cstdint>
#include <optional>

namespace agenthost::printer {

using render::canonical_charset;
using render::code_page_names;
using render::CodePage;
using render::find_code_page;

// Returns the byte of the character, or nullopt if the page does not contain it. Every page contains ASCII,
// no page contains control characters.
std::optional<std::uint8_t> encode(const CodePage& page, char32_t character);
// Returns the character of the byte, or nullopt if the byte is unassigned or not certain.
std::optional<char32_t> decode(const CodePage& page, std::uint8_t byte);

} // namespace agenthost::printer
