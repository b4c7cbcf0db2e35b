// Reports commands to operators: log lines and metrics. Never the arguments, the environment or the input:
// they hold secrets. Loop thread.
#pragma once

#include "job.hpp"

#include <agenthost/context.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace agenthost::terminal {

class Telemetry {
public:
    explicit Telemetry(Context&);

    void started(const Job&, std::size_t running); // of all commands
    void ended(const Job&, std::size_t running);
    void queued(std::size_t waiting);

private:
    void record(const std::optional<std::uint32_t>& metric, double value) const
    {
        if (metric) context_.record(*metric, value);
    }

    Context& context_;
    std::optional<std::uint32_t> commands_, bytes_, running_, queued_;
};

} // namespace agenthost::terminal
