// How a command:request ended: {"exit_code":0,"reason":"exit",...} inside, status, exitCode and reason on the wire.
//
// A command that ran and ended by itself, by a signal or because it was interrupted is a success inside, whatever its exit code:
// the action did what was asked. A timeout and what never ran are errors.
#pragma once

#include "wire/json/fields.hpp"
#include "wire/message.hpp"

#include <span>
#include <string>
#include <string_view>

namespace agenthost::wire::dashboard {

// What the members of a final command:status are.
struct RunEnd {
    bool completed = false;
    std::string exit_code;  // a JSON number, or empty
    std::string reason;     // exit, signal, interrupted, timeout, agent_lost, or empty
    std::string code;       // ours; empty: no error
    bool with_data = false; // the data says more than exit code and reason
};

// Of a command that ran too long, part may have been done, whether that is called an error or not: its reason says so without a word
// more. Everything else is as the word says, else as the code implies.
Outcome run_outcome(std::string_view word, std::string_view code);

RunEnd run_end(const Result&);
void append_run_end(std::string& out, const Result&, const RunEnd&);

// A final command:status as a Result. `memory` holds what its views cannot find in the frame. fields.problem may be set.
Result read_run_end(FieldReader& fields, std::span<const json::Member>, bool completed, std::string& memory);

} // namespace agenthost::wire::dashboard
