// Jobs as values: what is stored of each one, and what may be said about its outcome. Plain data.
#pragma once

#include "plugins/printer/errors/codes.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace agenthost::printer::job {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using JobId = std::uint64_t; // the store's number: unique and ascending, never used again
using Content = std::shared_ptr<const std::string>;

// What the disk says of a job. Each is committed before anything that only the next one permits.
enum class State : std::uint8_t {
    queued,     // no byte was sent
    armed,      // bytes may have been sent. In plain mode paper may have been printed
    committing, // with commit printing: the last bytes, which print the receipt, may have been sent
    sent,       // the printer took every byte; proof is awaited
    ended,      // final; the outcome is set
};

enum class Outcome : std::uint8_t {
    none,        // not ended
    printed,     // the printer confirmed it
    sent,        // the printer took every byte, and no fault is known; nothing proves that it is on paper
    not_started, // certainly nothing is on paper
    unknown,     // some of it may be on paper. Final: only a person prints it again
};

// The part of a job that changes, as it is stored.
struct Progress {
    State state = State::queued;
    Outcome outcome = Outcome::none;
    // Bytes that the printer took. On the disk it is a lower bound, for people: it decides nothing.
    std::uint64_t taken = 0;
    // Runs that ended before anything was printed.
    std::uint32_t attempts = 0;
    // Its connection broke or its endpoint halted in mid job: without a confirmation the outcome is unknown.
    bool doubt = false;
    Problem problem; // why it was not printed, or why the outcome is unknown
    bool operator==(const Progress&) const = default;
};

// A job as the queue sees it, without its content.
struct Ticket {
    JobId id = 0;
    std::string server; // who asked
    std::uint64_t size = 0;
    // The first byte after which paper may be printed (commit printing); 0: plain mode.
    std::uint64_t commit_at = 0;
    Progress progress;
};

const char* to_string(State);
const char* to_string(Outcome);

// Why a printer does not print now, although it has jobs. none: nothing is wrong.
enum class Trouble : std::uint8_t {
    none,
    absent,      // not plugged in
    unreachable, // network: off, or no route
    busy,        // another program or host holds it
    denied,      // no permission on the device node
    unsupported, // not a printer that we can write to
    offline,     // it says so
    cover_open,
    paper_out,
    fault,       // cutter, temperature or another error that it reports
    no_progress, // it takes no data and does not say why
    stalled,     // USB: its endpoint halts again and again
    disk,        // the queue cannot be written
};
const char* to_string(Trouble);

struct Condition {
    Trouble trouble = Trouble::none;
    std::string text; // a whole sentence with a remedy; empty for none
    bool operator==(const Condition&) const = default;
};

} // namespace agenthost::printer::job
