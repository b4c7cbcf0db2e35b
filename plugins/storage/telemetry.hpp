// Reports to operators: log lines, events, metrics and the fact "storage". Thread-safe.
#pragma once

#include <agenthost/context.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::storage {

struct Snapshot {
    std::uint64_t files = 0, bytes = 0, free_bytes = 0, quota = 0, quarantined = 0, missing = 0, damaged = 0,
                  waiting = 0, running = 0;
};

class Telemetry {
public:
    explicit Telemetry(Context&);

    void publish(const Snapshot&);
    void upload_done(std::string_view code, std::uint64_t bytes, int attempts); // code empty: success
    void download_done(std::string_view code, std::uint64_t bytes, int attempts);
    void quarantined(const std::string& blob, std::uint64_t bytes);
    void missing(const std::string& id);
    void damaged(const std::string& id);
    void log(Level level, std::string_view text, std::string_view fields = {}) const
    {
        context_.log(level, text, fields);
    }

private:
    void count(const std::optional<std::uint32_t>& metric, double value) const
    {
        if (metric) context_.record(*metric, value);
    }
    Context& context_;
    struct Outcomes {
        std::optional<std::uint32_t> ok, failed, bytes;
    };
    Outcomes uploads_, downloads_;
    std::optional<std::uint32_t> retries_, files_, bytes_, free_, quarantined_, missing_, running_, waiting_;
};

} // namespace agenthost::storage
