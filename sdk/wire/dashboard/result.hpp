// Converts the end of a command:request between the result's data {"exit_code":0,"reason":"exit",...} and
// status, exitCode and reason on the wire.
//
// A command that exited, was killed by a signal or was interrupted is a success of the action, regardless of
// its exit code. A timeout and a command that never ran are errors.
#pragma once

#include "wire/json/fields.hpp"
#include "wire/message.hpp"

#include <span>
#include <string>
#include <string_view>

namespace agenthost::wire::dashboard {

// The members of a final command:status.
struct RunEnd {
    bool completed = false;
    std::string exit_code;  // a JSON number, or empty
    std::string reason;     // exit, signal, interrupted, timeout, agent_lost, or empty
    std::string code;       // ours; empty: no error
    bool with_data = false; // the data contains more than exit code and reason
};

// A timeout always means "unknown", because part may have been done. Otherwise the word decides, else the
// code.
Outcome run_outcome(std::string_view word, std::string_view code);

RunEnd run_end(const Result&);
// Writes the members after the status.
void write_run_end(base::JsonWriter&, const Result&, const RunEnd&);

// Reads a final command:status. `memory` stores what the result's views point to outside the frame.
// fields.problem may be set.
Result read_run_end(FieldReader& fields, std::span<const json::Member>, bool completed, std::string& memory);

} // namespace agenthost::wire::dashboard
