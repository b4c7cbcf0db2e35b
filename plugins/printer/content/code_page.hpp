// Single-byte code pages of printers, by the names that people and profiles use for them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer {

namespace tables {
struct PageTable;
}

// The one spelling of a charset's name: "IBM437", "pc437" and "CP437" are "cp437", "Windows-1252" is "cp1252", "Latin-9" is
// "iso8859-15", "RK1048" is "kz1048", "SJIS" is "shift-jis". An unknown name is only made lower-case.
std::string canonical_charset(std::string_view name);

// A page by its canonical name; null if there is none.
const tables::PageTable* find_page(std::string_view charset);
// Sorted.
std::vector<std::string_view> page_names();

// The byte of a character, nullopt if the page lacks it. ASCII is in every page; controls are in none.
std::optional<std::uint8_t> encode(const tables::PageTable& page, char32_t character);
// The character of a byte, nullopt if it has none.
std::optional<char32_t> decode(const tables::PageTable& page, std::uint8_t byte);

} // namespace agenthost::printer
