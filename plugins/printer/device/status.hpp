// What a printer reports about itself, and the commands that ask for it. Pure values.
//
// A status gives reasons to hold a job, never proof that it was printed; proof is the response with a job's
// id (confirmation.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace agenthost::printer {

struct Status {
    // The printer has reported at least once. Without it the other values mean nothing.
    bool known = false;
    bool paper_out = false, paper_low = false, cover_open = false, offline = false;
    // Any error; cutter and unrecoverable are kinds of it. An error that is neither ends by itself or after a
    // person has helped.
    bool error = false, cutter = false, unrecoverable = false;
    // The level of pin 3 of the drawer's connector. Which level means open depends on the drawer; without one
    // it is usually high.
    std::optional<bool> drawer_pin_high;
    // The printer announced that it is switching off.
    bool powering_off = false;
    // XOFF: its buffer is full. Ends with XON.
    bool buffer_full = false;

    // Whether printing cannot go on.
    [[nodiscard]] bool holds() const { return paper_out || cover_open || offline || error || powering_off; }
    bool operator==(const Status&) const = default;
};

// For people: "the paper is out; the cover is open". Empty if nothing is the matter.
std::string reason(const Status& status);

// The questions whose one-byte answers can only be told apart by what was asked.
enum class Question : std::uint8_t {
    realtime_printer = 1, // DLE EOT 1
    realtime_offline = 2, // DLE EOT 2
    realtime_error = 3,   // DLE EOT 3
    realtime_paper = 4,   // DLE EOT 4
    paper_sensor,         // GS r 1
    drawer_sensor,        // GS r 2
    model_number,         // GS I 1
    type_byte,            // GS I 2
    firmware_byte,        // GS I 3
};

// The command that asks. A printer answers DLE EOT at once, even offline; the others wait in its buffer.
std::vector<std::uint8_t> command(Question question);

} // namespace agenthost::printer
