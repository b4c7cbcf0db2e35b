// Composes the small documents of the plugin: test page, drawer pulse, cut, and reprints. Pure.
#pragma once

#include "bitmap.hpp"
#include "profile.hpp"
#include "text.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer {

struct TestPage {
    // The printer's alias (may be empty); its name (identity.hpp) or address; the agent's version; the local
    // time.
    std::string alias, name, version, time;
    // Printed as a QR code, at most max_qr_bytes of it, if the printer draws QR codes. If it does not,
    // `qr_picture` is printed.
    std::string qr;
    std::optional<Bitmap> qr_picture;
};
inline constexpr std::size_t max_qr_bytes = 512;

// Prints what shows whether the profile fits the printer: both fonts, the width, a QR code, a cut, and for
// each code page its number, the euro sign (if the page has one) and a sample of its letters.
std::vector<std::uint8_t> test_page(const TestPage& page, const Profile& profile, const GlyphSource* glyphs);

struct Document {
    std::vector<std::uint8_t> bytes;
    // INVALID_REQUEST. If set, `bytes` is empty.
    Problem problem;
};

// Opens the cash drawer with a pulse on `pin` (2 or 5) of `milliseconds` (50 to 500, rounded down to the
// printer's step of 2 ms).
Document drawer_pulse(unsigned pin, unsigned milliseconds, const Profile& profile);

// Feeds `lines` lines (0 to 255), then cuts.
Document cut_paper(Cut cut, unsigned lines, const Profile& profile);

// Composes a reprint: ESC @, a centred heading "COPY" with the time of the original, then the unchanged
// content. The heading is printed before the content begins, so an ESC @ or ESC L in the content does not
// remove it.
std::vector<std::uint8_t> marked_as_copy(std::span<const std::uint8_t> content,
                                         std::string_view original_time, const Profile& profile);

} // namespace agenthost::printer
