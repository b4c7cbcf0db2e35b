// Exports samples as the host's metrics (ext/metrics.h). Each metric is defined on first use; metrics beyond
// the host's bounds, such as the 33rd interface ever seen, are not exported. One thread at a time.
#pragma once

#include "sample.hpp"

#include <agenthost/context.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::telemetry {

class Exporter {
public:
    explicit Exporter(Context& context) : context_{context} {}
    void publish(const Sample&);
    void log_lines(std::uint64_t forwarded, std::uint64_t dropped); // since the plugin's start

private:
    struct Metric {
        std::string_view name, type, help, unit, label; // label: empty when it has none
    };
    void record(const Metric&, double value, std::string_view label_value = {});

    Context& context_;
    // "name\nlabel value"; bounded by the host's refusals.
    std::map<std::string, std::optional<std::uint32_t>, std::less<>> known_;
    std::uint64_t forwarded_ = 0, dropped_ = 0;
};

} // namespace agenthost::telemetry
