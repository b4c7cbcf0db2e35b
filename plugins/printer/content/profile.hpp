// Describes what a printer model can print: paper, code pages, CJK mode, cutter, barcodes, and the Model that
// jobs need. Pure.
//
// The built-in profiles come from public collections (escpos-printer-db, the profiles of
// receipt-printer-encoder) and from makers' references. A printer may differ from its model, so the
// administrator can override each value.
#pragma once

#include "plugins/printer/device/model.hpp"
#include "plugins/printer/errors/codes.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer {

// ESC t `number` selects the code page `charset` (a canonical name that find_code_page knows).
struct PageNumber {
    std::uint8_t number = 0;
    std::string charset;
    bool operator==(const PageNumber&) const = default;
};

// The mode for double-byte text (FS &).
struct Cjk {
    // gb18030, gbk, big5, shift-jis or euc-kr; utf-8 if the printer takes all text as UTF-8 and has no code
    // pages; empty if the printer has no CJK mode.
    std::string charset;
    // The command that selects the code system, sent before FS & (Japan: FS C 1; clones: ESC 9 n).
    std::string select;
    // True if the mode is on after power-on and ESC @. Then two bytes from 0x80 on form a character until the
    // job sends FS ".".
    bool on_at_start = false;
    bool operator==(const Cjk&) const = default;
};

enum class Image {
    none,
    column, // ESC * 33 in bands of 24 dots
    raster, // GS v 0
};
enum class Barcodes {
    none,
    basic, // GS k, NUL-terminated form: UPC, EAN, Code 39, ITF, Codabar
    full,  // GS k with a length: also Code 93 and Code 128
};
enum class Cut { none, partial, full };

struct Profile {
    std::string name, vendor;
    // Printable dots of a line, and dots per inch.
    unsigned dots = 576, dpi = 203;
    // Characters of a line in font A (12 dots wide on most models) and font B.
    unsigned columns_a = 48, columns_b = 64;
    std::vector<PageNumber> pages;
    // The page that is selected after power-on. It is selected again after each text.
    std::uint8_t default_page = 0;
    Cjk cjk;
    // The kinds of cut that the cutter makes. A model with only one of them makes that one for every cut.
    bool partial_cut = true, full_cut = true;
    bool drawer = true;
    // The printer draws QR codes itself (GS ( k).
    bool qr = true;
    Barcodes barcodes = Barcodes::full;
    Image image = Image::raster;
    Model model;
};

// Returns the built-in profile with this name, or nullopt.
std::optional<Profile> find_profile(std::string_view name);
// Returns the names of the built-in profiles, sorted.
std::vector<std::string_view> profile_names();

// Returns the name of the profile for a printer: by the model that its device id or product string names,
// else by VID:PID, else "default". Models that share a VID:PID get a profile that fits all of them.
std::string_view profile_for(std::uint16_t vendor, std::uint16_t product, std::string_view model_name);

struct ProfileOrProblem {
    Profile profile;
    // INVALID_REQUEST. Names the wrong key and suggests the most similar known one.
    Problem problem;
};
// Applies the administrator's settings, such as
//     {"profile": "tm-t88v", "columns": 42, "code_pages": {"16": "cp1252"}}
// Starts from the profile that they name, else from `detected`; the other keys override its values. Messages
// begin with `where` ("devices[0]").
ProfileOrProblem configured_profile(const nlohmann::json& overrides, std::string_view detected,
                                    std::string_view where);

} // namespace agenthost::printer
