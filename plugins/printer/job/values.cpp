#include "values.hpp"

namespace agenthost::printer::job {

const char* to_string(State state)
{
    switch (state) {
    case State::queued: return "queued";
    case State::armed: return "printing";
    case State::committing: return "printing";
    case State::sent: return "confirming";
    case State::ended: return "ended";
    }
    return "ended";
}

const char* to_string(Outcome outcome)
{
    switch (outcome) {
    case Outcome::none: return "none";
    case Outcome::printed: return "printed";
    case Outcome::sent: return "sent";
    case Outcome::not_started: return "not_started";
    case Outcome::unknown: return "unknown";
    }
    return "unknown";
}

const char* to_string(Trouble trouble)
{
    switch (trouble) {
    case Trouble::none: return "ready";
    case Trouble::absent: return "absent";
    case Trouble::unreachable: return "unreachable";
    case Trouble::busy: return "busy";
    case Trouble::denied: return "denied";
    case Trouble::unsupported: return "unsupported";
    case Trouble::offline: return "offline";
    case Trouble::cover_open: return "cover_open";
    case Trouble::paper_out: return "paper_out";
    case Trouble::fault: return "fault";
    case Trouble::no_progress: return "no_progress";
    case Trouble::stalled: return "stalled";
    case Trouble::disk: return "disk";
    }
    return "ready";
}

} // namespace agenthost::printer::job
