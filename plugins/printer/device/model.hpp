// What a model of printer can do and what it cannot bear: the part of a profile that jobs and links need.
// Plain data; a profile of `content/` fills it in, an admin's configuration may override each value.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace agenthost::printer {

// How a job is committed to paper (ADR 0018). plain: the printer prints while it receives. page, raster: the
// receipt is put into the printer's buffer and printed by the last bytes, so that a break before them has
// printed nothing.
enum class Commit { plain, page, raster };

// What proves that a job is on paper.
enum class Confirmation {
    none,   // nothing: a job ends as "sent, not confirmed"
    status, // DLE EOT answered without a fault after the job: says "no fault", not "printed"; outcome "sent"
    process_id, // GS ( H fn 48: the response with our id is proof
};

struct Model {
    std::string profile = "default";
    Confirmation confirmation = Confirmation::status;
    Commit commit = Commit::plain;
    // Bytes that page mode or the raster buffer holds; a longer job is printed in plain mode.
    std::size_t commit_buffer = 0;
    // Bytes per second that a printer without flow control can take; 0: as fast as it takes them.
    std::size_t pacing = 0;
    // Rows of one raster command that we make ourselves.
    std::size_t raster_rows = 128;
    bool realtime_status = true; // answers DLE EOT n
    bool clear_buffer = false;   // DLE DC4 8
    bool zero_length_packet =
        false;                  // USB: wants one after a job that is an exact multiple of the packet size
    bool trailing_nul = false;  // USB: such a job is sent one NUL longer instead
    bool keep_detached = false; // the kernel driver is not given back on release
    // No byte taken for so long: look at the status, then hold the job.
    std::chrono::milliseconds no_progress{5'000};
};

} // namespace agenthost::printer
