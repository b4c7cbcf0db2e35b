// Collects what a plugin's check() reports, for tests. A line each: "error KEY: TEXT" or "warning KEY: TEXT".
#pragma once

#include "../bytes.hpp"
#include "../ext/check.h"

#include <cstdint>
#include <string>
#include <vector>

namespace agenthost::testing {

// Hands `run` an agh_check that knows `listeners`, and returns what it reported.
template <class Run>
std::vector<std::string> collect_reports(const std::vector<std::string>& listeners, Run&& run)
{
    std::vector<std::string> out;
    std::vector<agh_bytes> names;
    for (const std::string& name : listeners) names.push_back(to_bytes(name));
    const agh_check raw{.size = sizeof(agh_check),
                        .reserved = 0,
                        .ctx = &out,
                        .report =
                            [](void* ctx, std::int32_t severity, agh_bytes key, agh_bytes text) {
                                static_cast<std::vector<std::string>*>(ctx)->push_back(
                                    std::string{severity == AGH_CHECK_WARNING ? "warning " : "error "} +
                                    std::string{to_view(key)} + ": " + std::string{to_view(text)});
                            },
                        .listeners = names.data(),
                        .listener_count = names.size()};
    run(raw);
    return out;
}

} // namespace agenthost::testing
