// The `outcome` member beside an error: written only if the code does not imply it.
#pragma once

#include "answers.hpp"
#include "wire/json/fields.hpp"

namespace agenthost::wire {

// An unknown or missing word: the outcome that the code implies.
inline Outcome outcome_of(std::string_view word, std::string_view code)
{
    const auto named = outcome_named(word);
    return named && *named != Outcome::success ? *named : outcome_of(code);
}

inline void write_outcome(base::JsonWriter& json, const Result& result)
{
    if (result.outcome != outcome_of(result.error.code)) json.member("outcome", to_string(result.outcome));
}

} // namespace agenthost::wire
