#include "watchers.hpp"

#include <utility>

namespace agenthost::hub {

std::uint64_t RunWatchers::add(const Run& run, std::uint64_t from, RunWatch watch)
{
    const auto shared = std::make_shared<RunWatch>(std::move(watch));
    const std::uint64_t number = ++last_;
    if (shared->output) {
        run.output.read(from, [&](const RunChunk& chunk) {
            shared->output(run, chunk);
            return true;
        });
    }
    if (!run.over()) of_run_[run.id].emplace(number, shared);
    return number;
}

void RunWatchers::remove(std::string_view run, std::uint64_t number)
{
    const auto it = of_run_.find(run);
    if (it == of_run_.end()) return;
    it->second.erase(number);
    if (it->second.empty()) of_run_.erase(it);
}

template <class Call> void RunWatchers::each(const Run& run, Call call)
{
    for (const RunWatch& all : observers_) call(all);
    const auto it = of_run_.find(run.id);
    if (it == of_run_.end()) return;
    std::vector<std::shared_ptr<RunWatch>> now; // a watcher may remove itself
    for (const auto& [number, watch] : it->second) now.push_back(watch);
    for (const auto& watch : now) call(*watch);
}

void RunWatchers::status(const Run& run)
{
    each(run, [&](const RunWatch& watch) {
        if (watch.status) watch.status(run);
    });
    if (!run.over()) return;
    if (const auto it = of_run_.find(run.id); it != of_run_.end()) of_run_.erase(it);
}

void RunWatchers::output(const Run& run, const RunChunk& chunk)
{
    each(run, [&](const RunWatch& watch) {
        if (watch.output) watch.output(run, chunk);
    });
}

void RunWatchers::queue(std::string_view agent, std::string_view queue)
{
    for (const RunWatch& all : observers_) {
        if (all.queue) all.queue(agent, queue);
    }
}

} // namespace agenthost::hub
