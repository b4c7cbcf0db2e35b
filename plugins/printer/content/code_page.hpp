// Characters to bytes of a printer's code page and back, for composing text. Pure.
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

// The byte of a character; nullopt: not in the page. ASCII is in every page, control characters are in none.
std::optional<std::uint8_t> encode(const CodePage& page, char32_t character);
// The character of a byte; nullopt: the byte is not assigned, or not certain.
std::optional<char32_t> decode(const CodePage& page, std::uint8_t byte);

} // namespace agenthost::printer
