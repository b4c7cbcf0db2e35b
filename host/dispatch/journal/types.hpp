// Values that the journal stores of a command and its result. They own their text and belong to the thread
// that holds them; operations carry them from one thread to the other.
#pragma once

#include "wire/message.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace agenthost::host {

using Digest = std::array<unsigned char, 32>;

struct StoredResult {
    std::uint64_t row = 0;
    // `action`: the word of the wire.
    std::string id, action;
    wire::Outcome outcome = wire::Outcome::success;
    std::string data, code, message, detail, error_data;
};

// A result that is to be stored; owns its text.
struct FinishedRow {
    std::uint64_t row = 0;
    wire::Outcome outcome = wire::Outcome::success;
    std::string data, code, message, detail, error_data;
    bool changed_nothing = false;
};

} // namespace agenthost::host
