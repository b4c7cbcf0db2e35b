// Writes a Sample as the JSON of facts (ext/facts.h) and actions. Pure; every result is valid JSON.
#pragma once

#include "sample.hpp"

#include <string>
#include <string_view>

namespace agenthost::telemetry {

std::string number(double);                  // at most two digits behind the point; never "nan"
std::string system_load_json(const Sample&); // {"cpu":25.5,"memory":65.2,"disk":40.1}
std::string metrics_json(const Sample&);     // {"cpu_percent":..,...,"load_average":[..]}
std::string detail_json(const Sample&);      // per interface, disk and filesystem; under 64 KiB

} // namespace agenthost::telemetry
