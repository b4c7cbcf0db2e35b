// Appends a number as ECMAScript prints it: the shortest digits that read back as the same double.
#pragma once

#include <string>

namespace agenthost::base {

// 25 for 25.0, 1e+21, 1e-7, 0 for -0; null for infinity and NaN, which JSON does not have.
void append_json_number(std::string& out, double value);

} // namespace agenthost::base
