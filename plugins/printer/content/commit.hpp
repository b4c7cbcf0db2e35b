// Rewrites a job for commit printing: the printer buffers the whole job and prints it when its last bytes
// arrive. If the connection breaks before them, nothing has been printed. Pure.
#pragma once

#include "bitmap.hpp"

#include "plugins/printer/device/model.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace agenthost::printer {

struct Committed {
    std::vector<std::uint8_t> bytes;
    // The command that prints begins here: until its first byte is sent, nothing is on paper, and the printer is between commands, so
    // a status question may be sent. At most max_commit_tail bytes before the end: one packet of any link holds them all.
    std::size_t commits_at = 0;
};
inline constexpr std::size_t max_cut_tail = 6, max_commit_tail = 7 + max_cut_tail;

// The job's picture in page mode (ESC L, bands of ESC *), printed by FF; or stored by function 112 of GS ( L (GS 8 L if it is larger
// than 64 KiB), printed by function 50. Then `tail`: a cut, at most max_cut_tail bytes. Nullopt: the picture is empty, or larger than
// the printer's buffer; print it in plain mode.
std::optional<Committed> commit_by_page(const Bitmap& picture, std::span<const std::uint8_t> tail,
                                        const Model& model);
std::optional<Committed> commit_by_raster(const Bitmap& picture, std::span<const std::uint8_t> tail,
                                          const Model& model);

} // namespace agenthost::printer
