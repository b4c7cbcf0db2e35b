#include "reloader.hpp"

#include "host/config/defaults.hpp"

#include <utility>

namespace agenthost::host {

Reloader::Reloader(boost::asio::any_io_executor main, std::function<Read()> read,
                   std::function<void(Read, Done)> apply)
    : main_{std::move(main)}, read_{std::move(read)}, apply_{std::move(apply)}
{}

void Reloader::request(Done done)
{
    if (closed_) return done({.problems = {"the daemon is stopping"}});
    if (busy_ || !ready_) {
        if (waiting_.size() >= max_waits)
            return done(
                {.problems = {"too many reloads are waiting for the one that runs; try again later"}});
        return waiting_.push_back(std::move(done));
    }
    busy_ = true;
    auto finish = [this, done = std::move(done)](const Reloaded& answer) {
        busy_ = false;
        done(answer);
        take_waiting();
    };
    const bool started =
        reading_.start<Read>(main_, read_, [this, finish](Read read) { apply_(std::move(read), finish); });
    if (!started)
        finish(
            {.problems = {"too many threads hang in the file system or in DNS lookups: nothing was read"}});
}

void Reloader::open()
{
    ready_ = true;
    take_waiting();
}

void Reloader::close()
{
    closed_ = true;
    take_waiting();
}

void Reloader::take_waiting()
{
    if (waiting_.empty()) return;
    request([waiting = std::exchange(waiting_, {})](const Reloaded& answer) {
        for (const auto& each : waiting) each(answer);
    });
}

std::vector<std::string> plugin_path(const Config& config, const RuntimePaths& paths)
{
    std::vector<std::string> all;
    for (const auto& folder : config.plugin_path) all.push_back(folder.string());
    if (all.empty()) all = paths.plugin_path;
    return all;
}

LoadRequest reload_request(LoadRequest request, const Config& runs)
{
    const std::filesystem::path usual = default_config_file();
    if (request.file.empty() && !runs.files.empty() && runs.files.front() == usual) request.file = usual;
    request.had_text = runs.files;
    return request;
}

Reloader::Read read_configuration(const LoadRequest& request, const RuntimePaths& paths)
{
    Reloader::Read read{load_config(request), {}, {}};
    if (!read.loaded.config) return read;
    read.found = find_plugins(plugin_path(*read.loaded.config, paths));
    read.certificates = ListenerSet::read_certificates(*read.loaded.config);
    return read;
}

std::vector<std::string> pending_restart(const Config& runs, const Config& wanted)
{
    const auto keys = [](const Config& c) {
        return std::vector<std::pair<std::string, std::string>>{
            {"agent.id", c.agent_id},
            {"agent.state_dir", c.state_dir.string()},
            {"agent.io_threads", std::to_string(c.io_threads)},
            {"log.format", c.log_format},
            {"control.socket", c.control_socket.string()},
            {"metrics.bind", c.metrics_bind},
            {"audit.file", c.audit_file},
            {"journal.keep", std::to_string(c.journal_keep.count())},
            {"journal.rows", std::to_string(c.journal_rows)},
            {"journal.bytes", std::to_string(c.journal_bytes)}};
    };
    std::vector<std::string> all;
    const auto now = keys(runs), then = keys(wanted);
    for (std::size_t i = 0; i < now.size(); ++i)
        if (now[i] != then[i]) all.push_back(now[i].first + " changes at the next start");
    return all;
}

} // namespace agenthost::host
