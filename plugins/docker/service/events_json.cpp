#include "events_json.hpp"

#include "plugins/docker/engine/stats.hpp"

#include "base/iso8601.hpp"
#include "base/json_writer.hpp"

#include <cmath>

namespace agenthost::docker::service {

namespace {

double percentage(std::uint64_t used, std::uint64_t of)
{
    return rounded(100.0 * static_cast<double>(used) / static_cast<double>(of));
}

} // namespace

double rounded(double value) { return std::round(value * 10) / 10; }

std::string status_event(std::string_view id, const server::StateChanged& changed, std::int64_t pid,
                         std::string_view container)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("serverId", id);
    json.member("previousStatus", server::to_string(changed.previous));
    json.member("currentStatus", server::to_string(changed.current));
    if (changed.action > 0) json.member("actionNumber", changed.action);
    if (pid > 0) json.member("pid", pid);
    if (!container.empty()) json.member("containerId", container);
    if (!changed.reason.code.empty())
        json.object("error")
            .member("code", changed.reason.code)
            .member("message", changed.reason.message)
            .end();
    else if (!changed.reason.message.empty())
        json.member("reason", changed.reason.message);
    json.end();
    return out;
}

std::string log_event(std::string_view id, const console::LogEvent& event)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("serverId", id);
    json.member("logLevel", console::to_string(event.level)).member("message", event.text);
    json.member("position", event.position).member("entries", event.entries);
    if (event.dropped > 0) json.member("dropped", event.dropped);
    json.member("stream", console::to_string(event.stream));
    if (event.stamp_ns > 0) json.member("time", base::iso8601(event.stamp_ns / 1'000'000));
    json.end();
    return out;
}

std::string note_event(std::string_view id, std::string_view message)
{
    return base::json_object("serverId", id, "logLevel", "WARN", "message", message, "stream", "agent");
}

std::string pull_event(std::string_view id, std::string_view image, const engine::PullProgress& progress)
{
    std::string out;
    base::JsonWriter json{out};
    json.object();
    if (!id.empty()) json.member("serverId", id);
    json.member("image", image).member("percent", progress.percent());
    json.member("layers", progress.layers()).member("layersDone", progress.layers_done());
    json.member("bytes", progress.bytes()).member("bytesTotal", progress.bytes_total());
    json.member("status", progress.status()).end();
    return out;
}

std::string usage_event(std::string_view id, const Usage& usage, std::uint64_t memory_limit,
                        const std::optional<DiskUse>& disk)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("serverId", id).member("cpu", rounded(usage.cpu_percent));
    json.object("memory").member("used", engine::mebibytes(usage.memory));
    if (memory_limit > 0) json.member("percentage", percentage(usage.memory, memory_limit));
    json.end();
    if (disk) {
        json.object("disk").member("used", engine::mebibytes(disk->used));
        if (disk->max > 0) json.member("percentage", percentage(disk->used, disk->max));
        json.end();
    }
    json.object("network").member("tx", usage.network_tx).member("rx", usage.network_rx).end().end();
    return out;
}

} // namespace agenthost::docker::service
