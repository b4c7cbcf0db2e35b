#include "telemetry.hpp"

#include "job_json.hpp"

#include <nlohmann/json.hpp>

namespace agenthost::terminal {

Telemetry::Telemetry(Context& context) : context_{context}
{
    commands_ = context.metric(R"({"name":"commands_total","type":"counter","help":"Commands that ended"})");
    bytes_ = context.metric(
        R"({"name":"output_bytes_total","type":"counter","help":"Bytes that commands wrote","unit":"bytes"})");
    running_ = context.metric(R"({"name":"running","type":"gauge","help":"Commands that run"})");
    queued_ = context.metric(R"({"name":"queued","type":"gauge","help":"Commands that wait"})");
}

void Telemetry::started(const Job& job, std::size_t running)
{
    const Command& command = job.command();
    context_.log(Level::info, "command started",
                 dump({{"command_id", command.id},
                       {"server", command.server},
                       {"program", command.what.program},
                       {"user", command.user.name}}));
    record(running_, static_cast<double>(running));
}

void Telemetry::ended(const Job& job, std::size_t running)
{
    const Outcome& outcome = job.execution().outcome();
    const std::uint64_t bytes = job.execution().io().bytes();
    context_.log(Level::info, "command ended",
                 dump({{"command_id", job.command().id},
                       {"server", job.command().server},
                       {"reason", name(outcome.reason())},
                       {"exit_code", outcome.exit_code()},
                       {"bytes", bytes}}));
    record(commands_, 1);
    record(bytes_, static_cast<double>(bytes));
    record(running_, static_cast<double>(running));
}

void Telemetry::queued(std::size_t waiting) { record(queued_, static_cast<double>(waiting)); }

} // namespace agenthost::terminal
