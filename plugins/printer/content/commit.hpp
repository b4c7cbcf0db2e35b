// Commit printing: a job that the printer keeps in its buffer and prints by its last bytes, so that a break before them has printed
// nothing. Pure.
#pragma once

#include "bitmap.hpp"

#include "plugins/printer/device/model.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace agenthost::printer {

// A job as the parser of escpos/ and the measuring of render/ see it.
struct JobShape {
    // Every command was understood, is allowed in page mode and means the same there (no ESC a, no macro, no realtime command...).
    bool safe_in_page_mode = false;
    // [0, begin) only initialises and goes before; [end, size) is the cut at the end and goes behind. Nothing between cuts.
    std::size_t begin = 0, end = 0;
    // Printed by [begin, end).
    unsigned width_dots = 0, height_dots = 0;
};
using ShapeOf = std::function<std::optional<JobShape>(std::span<const std::uint8_t>)>;

struct Committed {
    std::vector<std::uint8_t> bytes;
    // Until the byte at this offset is taken, nothing is on paper. It is 1 to max_commit_tail bytes before the end, so that the last
    // transfer can hold all of them.
    std::size_t commits_at = 0;
};
inline constexpr std::size_t max_commit_tail = 7;

// The job in page mode (ESC L ... FF). Nullopt: it does not fit, or may mean something else there; print it in plain mode.
std::optional<Committed> commit_by_page(std::span<const std::uint8_t> job, const Model& model,
                                        const ShapeOf& shape_of);

// The job's picture, stored by GS ( L function 112 and printed by function 50, then `tail` (a cut, at most max_commit_tail - 1
// bytes). Nullopt: larger than the buffer.
std::optional<Committed> commit_by_raster(const Bitmap& picture, std::span<const std::uint8_t> tail,
                                          const Model& model);

} // namespace agenthost::printer
