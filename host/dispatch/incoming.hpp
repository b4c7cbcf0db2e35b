// Describes a command while it is being admitted. A value; lives on the stack of submit().
//
// Main thread.
#pragma once

#include "callers.hpp"
#include "inbox.hpp"
#include "registry.hpp"

#include "wire/message.hpp"

#include <chrono>

namespace agenthost::host {

constexpr std::size_t max_id_bytes = 256, max_action_bytes = 256;

// A timeout that is longer counts as this one: a time_point must not overflow.
constexpr std::chrono::milliseconds max_timeout{std::chrono::hours{24 * 365}};

struct Incoming {
    CallerRecord* record;
    // Null for a nested call.
    Caller* caller;
    const wire::Command& command;
    Clock::time_point started;
    NestedCall* nested = nullptr;
    Clock::time_point deadline = Clock::time_point::max();
    // Null until it is resolved.
    const Action* action = nullptr;
};

} // namespace agenthost::host
