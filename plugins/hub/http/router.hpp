// Which of the hub's routes a request means. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

enum class Route {
    none,        // 404
    not_allowed, // 405, `allow` says what is
    agents,
    agent,
    health,
    metrics,
    events,
    logs,
    command,
    task,
    task_cancel,
    run,
    run_output,
    shop_tasks,
    shop_task,
    shop_heartbeat,
    signed_agents,
    signed_agent,
    signed_command,
    file_put,
    file_get,
    file_delete,
    temp_upload,
    temp_download,
};

struct Match {
    Route route = Route::none;
    std::vector<std::string_view> arguments; // the ":name" segments in order; into the path
    std::string allow;                       // "GET, PUT"
};

Match match(std::string_view method, std::string_view path);

} // namespace agenthost::hub
