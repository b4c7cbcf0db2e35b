// What the job machine asks of its shell, in order. Plain data.
#pragma once

#include "values.hpp"

#include "plugins/printer/device/link.hpp"

#include <chrono>
#include <cstdint>
#include <variant>
#include <vector>

namespace agenthost::printer::job {

namespace act {

struct Open {};  // opened() or open_failed() follows
struct Close {}; // destroy the link; nothing follows
// Link::write; written() follows. The bytes stay valid until then.
struct Write {
    Bytes bytes;
};
struct CancelWrite {};
struct Recover {}; // recovered() follows
struct Finish {};  // finished() follows
struct AskPort {}; // port_status() follows
struct Load {      // loaded() or load_failed() follows
    JobId id = 0;
};
// The progress must be on the disk; committed() follows.
struct Commit {
    JobId id = 0;
    Progress progress;
};
// The same without an answer: how far a job is, for people.
struct Mark {
    JobId id = 0;
    std::uint64_t taken = 0;
};
// How many bytes the printer still needs to complete the command in which its last job ended; 0 if ESC @ is
// enough, nullopt if the printer is in a clean state. Must be on the disk together with the next Commit.
struct Dirty {
    std::optional<std::uint64_t> missing;
};
// One timer: a new one replaces it. timer() follows.
struct Timer {
    std::chrono::milliseconds in{};
};
struct StopTimer {};
// A job has its final outcome, which is on the disk unless the disk refuses. Once for each job.
struct Ended {
    JobId id = 0;
    Progress progress;
};
// condition(), current() or the queue is another.
struct Changed {};

} // namespace act

using Action = std::variant<act::Open, act::Close, act::Write, act::CancelWrite, act::Recover, act::Finish,
                            act::AskPort, act::Load, act::Commit, act::Mark, act::Dirty, act::Timer,
                            act::StopTimer, act::Ended, act::Changed>;
using Actions = std::vector<Action>;

} // namespace agenthost::printer::job
