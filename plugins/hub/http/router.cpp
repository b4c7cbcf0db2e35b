#include "router.hpp"

#include <array>

namespace agenthost::hub {

namespace {

struct Row {
    std::string_view method, pattern; // ":" stands for one non-empty segment
    Route route;
};

constexpr std::array<Row, 23> table{{
    {"GET", "/api/agents", Route::agents},
    {"GET", "/api/agents/:", Route::agent},
    {"GET", "/api/agents/:/health", Route::health},
    {"GET", "/api/agents/:/metrics", Route::metrics},
    {"GET", "/api/agents/:/events", Route::events},
    {"GET", "/api/agents/:/logs", Route::logs},
    {"POST", "/api/agents/:/commands", Route::command},
    {"GET", "/api/tasks/:", Route::task},
    {"DELETE", "/api/tasks/:", Route::task_cancel},
    {"GET", "/api/commands/:", Route::run},
    {"GET", "/api/commands/:/output", Route::run_output},
    {"POST", "/api/agent-tasks", Route::shop_tasks},
    {"GET", "/api/agent-tasks/:", Route::shop_task},
    {"GET", "/api/agent-heartbeat", Route::shop_heartbeat},
    {"GET", "/api/websocket/agents", Route::signed_agents},
    {"GET", "/api/websocket/agents/:", Route::signed_agent},
    {"POST", "/api/websocket/agents/:/command", Route::signed_command},
    {"PUT", "/api/agents/:/files/:", Route::file_put},
    {"GET", "/api/agents/:/files/:", Route::file_get},
    {"DELETE", "/api/agents/:/files/:", Route::file_delete},
    {"PUT", "/api/temp/upload/:", Route::temp_upload},
    {"POST", "/api/temp/upload/:", Route::temp_upload},
    {"GET", "/api/temp/download/:", Route::temp_download},
}};

std::string_view next_segment(std::string_view& path)
{
    if (path.starts_with('/')) path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    return segment;
}

bool fits(std::string_view pattern, std::string_view path, std::vector<std::string_view>& arguments)
{
    arguments.clear();
    while (!pattern.empty() && !path.empty()) {
        const std::string_view wanted = next_segment(pattern), given = next_segment(path);
        if (wanted == ":" && !given.empty())
            arguments.push_back(given);
        else if (wanted != given)
            return false;
    }
    return pattern.empty() && path.empty();
}

} // namespace

Match match(std::string_view method, std::string_view path)
{
    Match found;
    for (const Row& row : table) {
        std::vector<std::string_view> arguments;
        if (!fits(row.pattern, path, arguments)) continue;
        if (row.method == method) return {row.route, std::move(arguments), {}};
        found.route = Route::not_allowed;
        found.allow += (found.allow.empty() ? "" : ", ") + std::string{row.method};
    }
    return found;
}

} // namespace agenthost::hub
