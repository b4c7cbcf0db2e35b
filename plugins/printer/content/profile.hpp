// What a model of printer can print, and how: paper, code pages, CJK mode, cutter, barcodes, and the Model that jobs need. Pure.
//
// The built-in profiles restate what the field's public collections know (escpos-printer-db, the profiles of receipt-printer-encoder,
// makers' references). A profile is a claim about a model, not about the printer at hand: each value can be overridden.
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

// The mode for double-byte text (FS &). Without a charset the printer has none.
struct Cjk {
    // gb18030, gbk, big5, shift-jis, euc-kr, or utf-8: then the printer takes all text as UTF-8 and has no code pages.
    std::string charset;
    // Sent before FS &: what selects the code system (Japan: FS C 1; clones: ESC 9 n).
    std::string select;
    // The mode is on after power-on and ESC @, so that bytes from 0x80 pair up unless FS . ends it.
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
    // Characters of a line in font A (12 dots wide on most) and B.
    unsigned columns_a = 48, columns_b = 64;
    std::vector<PageNumber> pages;
    // The page after power-on; restored after text.
    std::uint8_t default_page = 0;
    Cjk cjk;
    // Whether the cutter can do it; a model that has only one kind does that one.
    bool partial_cut = true, full_cut = true;
    bool drawer = true;
    // GS ( k: prints QR codes by itself.
    bool qr = true;
    Barcodes barcodes = Barcodes::full;
    Image image = Image::raster;
    // The level of the drawer's pin that means open; nullopt: not known, and never reported.
    std::optional<bool> drawer_open_high;
    Model model;
};

// A built-in profile by name; nullopt if there is none.
std::optional<Profile> find_profile(std::string_view name);
// Sorted.
std::vector<std::string_view> profile_names();

// The profile for a printer: by the model that its device id or product string names, else by VID:PID, else "default". Never
// more specific than what is known: several models share a VID:PID.
std::string_view profile_for(std::uint16_t vendor, std::uint16_t product, std::string_view model_name);

struct ProfileOrProblem {
    Profile profile;
    // INVALID_REQUEST; names the key, with the nearest known one.
    Problem problem;
};
// Applies an administrator's object, {"profile": "tm-t88v", "columns": 42, "code_pages": {"16": "cp1252"}}: its profile, else
// `detected`, with the other keys on top. `where` begins each message ("devices[0]").
ProfileOrProblem configured_profile(const nlohmann::json& overrides, std::string_view detected,
                                    std::string_view where);

} // namespace agenthost::printer
