#include "results.hpp"

#include "wire/json/fields.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace agenthost::hub {

namespace {

constexpr std::size_t kept_of_message = 200;

struct Caller {
    std::uint64_t bytes = 0;
    std::map<std::string, std::uint64_t> agents;
};

} // namespace

std::uint64_t result_bytes(const TaskRecord& task)
{
    return final(task.state) ? task.data.size() + task.message.size() + task.detail.size() : 0;
}

void drop_result(TaskRecord& task)
{
    task.dropped = result_bytes(task);
    task.data.clear();
    task.detail.clear();
    task.message = wire::clip(task.message, kept_of_message);
}

StoredResults::StoredResults(base::Database& db, std::uint64_t max)
    : max_{max}, total_{0},
      sums_{db.prepare("SELECT caller, agent, sum(bytes) FROM tasks WHERE bytes>0 GROUP BY caller, agent")},
      oldest_{db.prepare("SELECT id, bytes FROM tasks WHERE bytes>0 AND caller=?1 AND agent=?2 "
                         "ORDER BY updated, id LIMIT 1")},
      drop_{db.prepare("UPDATE tasks SET dropped=bytes, bytes=0, data='', detail='', "
                       "message=substr(message, 1, ?2) WHERE id=?1")}
{
    total_ = measure();
}

std::uint64_t StoredResults::measure()
{
    std::uint64_t sum = 0;
    while (sums_.step()) sum += static_cast<std::uint64_t>(sums_.integer(2));
    sums_.reset();
    return sum;
}

void StoredResults::trim()
{
    if (total_ <= max_) return;
    std::map<std::string, Caller> callers;
    total_ = 0;
    while (sums_.step()) {
        const auto bytes = static_cast<std::uint64_t>(sums_.integer(2));
        Caller& caller = callers[std::string{sums_.text(0)}];
        caller.agents[std::string{sums_.text(1)}] = bytes;
        caller.bytes += bytes;
        total_ += bytes;
    }
    sums_.reset();
    if (total_ <= max_) return;
    const std::uint64_t target = max_ - max_ / 8; // so that not every commit has to trim
    while (total_ > target) {
        const auto caller =
            std::max_element(callers.begin(), callers.end(),
                             [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
        auto& agents = caller->second.agents;
        const auto agent = std::max_element(agents.begin(), agents.end(),
                                            [](const auto& a, const auto& b) { return a.second < b.second; });
        oldest_.bind(1, caller->first).bind(2, agent->first);
        if (!oldest_.step()) break; // impossible: the sums are computed from these rows
        const std::string id{oldest_.text(0)};
        const auto bytes = static_cast<std::uint64_t>(oldest_.integer(1));
        oldest_.reset();
        drop_.bind(1, id).bind(2, static_cast<std::int64_t>(kept_of_message)).run();
        agent->second -= std::min(agent->second, bytes);
        caller->second.bytes -= std::min(caller->second.bytes, bytes);
        total_ -= std::min(total_, bytes);
    }
    oldest_.reset();
}

} // namespace agenthost::hub
