#include "job_json.hpp"

#include <nlohmann/json.hpp>

#include <chrono>

namespace agenthost::terminal {

namespace {

using Json = nlohmann::json;

std::int64_t ms(Clock::duration d)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

const char* name(Job::State state)
{
    switch (state) {
    case Job::State::queued: return "queued";
    case Job::State::running: return "running";
    default: return "ended";
    }
}

} // namespace

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string result_json(const Job& job, const Reader& reader, bool runs_it)
{
    const Outcome& outcome = job.execution().outcome();
    const bool ended = job.state() == Job::State::ended;
    Json json{{"commandId", job.command().id},
              {"bytes", job.execution().io().bytes()},
              {"dropped", reader.dropped()}};
    if (!runs_it) {
        json["offset"] = reader.next()[0];
        json["stderr_offset"] = reader.next()[1];
        json["status"] = ended ? "ended" : "running";
    }
    if (!ended) return dump(json);
    json["exit_code"] = outcome.exit_code();
    json["reason"] = name(outcome.reason());
    if (const auto signal = outcome.signal()) json["signal"] = *signal;
    json["wall_ms"] = outcome.started == Clock::time_point{} ? 0 : ms(outcome.ended - outcome.started);
    json["cpu_ms"] = (outcome.usage.user_us + outcome.usage.system_us) / 1000;
    json["peak_rss"] = outcome.usage.peak_rss_kib * 1024;
    return dump(json);
}

std::string describe(const Job& job)
{
    const Command& command = job.command();
    const Outcome& outcome = job.execution().outcome();
    Json json{{"commandId", command.id},
              {"program", command.what.program},
              {"argv", command.what.argv},
              {"user", command.user.name},
              {"priority", name(command.params.priority)},
              {"pty", command.params.pty.has_value()},
              {"bytes", job.execution().io().bytes()},
              {"status", name(job.state())}};
    const auto now = Clock::now();
    if (job.state() == Job::State::queued) json["waiting_ms"] = ms(now - outcome.queued);
    if (job.state() == Job::State::running) {
        json["running_ms"] = ms(now - outcome.started);
        if (const pid_t pid = job.execution().pid(); pid > 0) json["pid"] = pid;
    }
    if (job.state() == Job::State::ended) {
        json["exit_code"] = outcome.exit_code();
        json["reason"] = name(outcome.reason());
        json["ended_ms_ago"] = ms(now - outcome.ended);
    }
    // From here on attach can still replay.
    const Outputs& outputs = job.execution().io().outputs();
    for (std::size_t i = 0; i < outputs.size(); ++i)
        if (outputs[i]) json[i == 0 ? "offset" : "stderr_offset"] = outputs[i]->begin();
    return dump(json);
}

} // namespace agenthost::terminal
