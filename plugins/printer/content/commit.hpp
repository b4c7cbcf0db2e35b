// Rewrites a job for commit printing: the printer buffers the whole job and prints it when its last bytes
// arrive. If the connection breaks before them, nothing has been printed. Pure.
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

// What the parser (escpos/) and the renderer (render/) found out about a job.
struct JobShape {
    // True if every command is known, is allowed in page mode and means the same there (no ESC a, no macro,
    // no realtime command, ...).
    bool safe_in_page_mode = false;
    // Byte offsets. [0, begin) only initialises the printer and stays in front; [end, size) is the final cut
    // and stays behind. [begin, end) contains no cut.
    std::size_t begin = 0, end = 0;
    // Size of what [begin, end) prints.
    unsigned width_dots = 0, height_dots = 0;
};
using ShapeOf = std::function<std::optional<JobShape>(std::span<const std::uint8_t>)>;

struct Committed {
    std::vector<std::uint8_t> bytes;
    // The printer prints nothing before it has received the byte at this offset. The offset is 1 to
    // max_commit_tail bytes before the end, so that one last transfer can carry all of them.
    std::size_t commits_at = 0;
};
inline constexpr std::size_t max_commit_tail = 7;

// Wraps the job in page mode (ESC L ... FF). Returns nullopt if it does not fit into the buffer or may print
// differently there; then print it in plain mode.
std::optional<Committed> commit_by_page(std::span<const std::uint8_t> job, const Model& model,
                                        const ShapeOf& shape_of);

// Stores the job's picture with GS ( L function 112 and prints it with function 50; `tail` (a cut, at most
// max_commit_tail - 1 bytes) follows. Returns nullopt if the picture is larger than the buffer.
std::optional<Committed> commit_by_raster(const Bitmap& picture, std::span<const std::uint8_t> tail,
                                          const Model& model);

} // namespace agenthost::printer
