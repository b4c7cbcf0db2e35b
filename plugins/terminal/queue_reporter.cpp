#include "queue_reporter.hpp"

#include "job_json.hpp"
#include "job_table.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <utility>

namespace agenthost::terminal {

void QueueReporter::changed()
{
    if (std::exchange(due_, true)) return;
    loop_.later([this] { send(); });
}

void QueueReporter::send()
{
    using Json = nlohmann::json;
    due_ = false;
    std::map<std::string, Json> by_server;
    for (const std::string& server : informed_) by_server[server] = Json::array(); // empty now, perhaps
    queue_.each([&](const JobPtr& job, std::size_t position) {
        job->report_queued(position);
        const Command& command = job->command();
        Json& list = by_server.try_emplace(command.server, Json::array()).first->second;
        list.push_back(
            {{"commandId", command.id}, {"position", position}, {"priority", name(command.params.priority)}});
    });
    informed_.clear();
    for (auto& [server, list] : by_server) {
        if (!list.empty()) informed_.insert(server);
        if (server != the_machine)
            context_.emit("terminal.command_queue", dump({{"queue", std::move(list)}}), server);
    }
    telemetry_.queued(queue_.size());
}

} // namespace agenthost::terminal
