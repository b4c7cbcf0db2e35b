// Sizes and durations (sdk/base/units.hpp has the grammar), and suggestions for mistyped words.
#pragma once

#include "base/units.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host::conf {

using base::format_duration;
using base::format_size;
using base::parse_duration;
using base::parse_size;

// The most similar candidate, if similar enough to be a typo; else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
// `; did you mean "x"?`, or "" if nothing is similar.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

} // namespace agenthost::host::conf
