// The small documents that the plugin prints by itself: test page, drawer pulse, cut, and the mark of a reprint. Pure.
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
    // What people call the printer, its name (identity.hpp) or address, the version of the agent, the local time.
    std::string alias, name, version, time;
    // Printed as QR code where the printer can, at most max_qr_bytes; else `qr_picture`, if there is one.
    std::string qr;
    std::optional<Bitmap> qr_picture;
};
inline constexpr std::size_t max_qr_bytes = 512;

// Shows the profile at work: each code page's number with a sample of its letters, both fonts, the width, a QR code, a cut.
std::vector<std::uint8_t> test_page(const TestPage& page, const Profile& profile, const GlyphSource* glyphs);

struct Document {
    std::vector<std::uint8_t> bytes;
    // INVALID_REQUEST; then there are no bytes.
    Problem problem;
};

// Opens the drawer at `pin` (2 or 5) by a pulse of `milliseconds` (50 to 500; it is rounded to the printer's step of 2 ms).
Document drawer_pulse(unsigned pin, unsigned milliseconds, const Profile& profile);

// Feeds `lines` (0 to 255), then cuts.
Document cut_paper(Cut cut, unsigned lines, const Profile& profile);

// A reprint: ESC @, a centred line "COPY" with the time of the original, then the content as it was. The line ends before the
// content begins, so an ESC @ or ESC L at the content's start does not undo it.
std::vector<std::uint8_t> marked_as_copy(std::span<const std::uint8_t> content,
                                         std::string_view original_time, const Profile& profile);

} // namespace agenthost::printer
