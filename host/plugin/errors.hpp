// agh_error and the JSON of an error reply. A plugin may leave arbitrary bytes there; the results here are
// always terminated UTF-8.
#pragma once

#include <agenthost/abi.h>

#include <string>
#include <string_view>

namespace agenthost::host {

void fill_error(agh_error&, agh_status, std::string_view code, std::string_view text); // cut to fit
void tidy(agh_error&);                // makes a plugin's error valid: terminated, UTF-8
std::string_view code_of(agh_status); // the standard code, if the plugin gave none
std::string error_json(std::string_view code, std::string_view message); // {"code":..,"message":..}

} // namespace agenthost::host
