#include "runs.hpp"

#include <utility>

namespace agenthost::hub {

Runs::Runs(Core& core, Fanout& fanout, Commands& commands, Requests& requests)
    : core_{core}, commands_{commands}, control_{core, fanout, commands, requests,
                                                 [this](std::string_view id) UNDER_LOCK -> Run* {
                                                     RunEntry* e = table_.entry(id);
                                                     return e == nullptr ? nullptr : &e->run;
                                                 }},
      events_{core, requests, control_, table_, watchers_}
{}

TaskRecord Runs::make(std::string agent, std::string params) const
{
    return {.id = Commands::new_id(),
            .agent = std::move(agent),
            .action = std::string{run_action},
            .params = std::move(params),
            .expires = core_.utc() + core_.config.task_ttl.count()};
}

bool Runs::start(TaskRecord task, std::string* why) { return commands_.start(std::move(task), {}, why); }

std::uint64_t Runs::watch(std::string_view id, std::uint64_t from, Watch watch)
{
    const Run* run = table_.find(id);
    return run == nullptr ? 0 : watchers_.add(*run, from, std::move(watch));
}

} // namespace agenthost::hub
