// Sizes and durations (sdk/base/units.hpp has the grammar), and the word that was probably meant.
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

// The nearest candidate, when near enough to be a slip of the finger; else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
// `; did you mean "x"?`, or "" when nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

} // namespace agenthost::host::conf
