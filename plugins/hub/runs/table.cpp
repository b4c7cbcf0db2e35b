#include "table.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace agenthost::hub {

RunEntry* RunTable::add(Run run)
{
    const auto [it, added] = runs_.try_emplace(run.id);
    if (!added) return nullptr;
    it->second.run = std::move(run);
    return &it->second;
}

RunEntry* RunTable::entry(std::string_view id)
{
    const auto it = runs_.find(id);
    return it == runs_.end() ? nullptr : &it->second;
}

const Run* RunTable::find(std::string_view id) const
{
    const auto it = runs_.find(id);
    return it == runs_.end() ? nullptr : &it->second.run;
}

std::vector<const Run*> RunTable::all() const
{
    std::vector<const Run*> found;
    for (const auto& [id, e] : runs_) found.push_back(&e.run);
    std::sort(found.begin(), found.end(), [](const Run* a, const Run* b) {
        return std::tie(a->created, a->id) < std::tie(b->created, b->id);
    });
    return found;
}

std::vector<const Run*> RunTable::open() const
{
    std::vector<const Run*> found = all();
    std::erase_if(found, [](const Run* run) { return run->over(); });
    return found;
}

std::vector<std::string> RunTable::open_of(std::string_view agent) const
{
    std::vector<std::string> ids;
    for (const auto& [id, e] : runs_) {
        if (e.run.agent == agent && !e.run.over()) ids.push_back(id);
    }
    return ids;
}

RunChunk RunTable::append(RunEntry& e, std::uint32_t channel, std::uint64_t missing, std::string_view bytes)
{
    const std::size_t before = e.run.output.cost();
    const RunChunk chunk = e.run.output.append(channel, missing, bytes);
    memory_ += e.run.output.cost() - before;
    make_space(e.run);
    return chunk;
}

void RunTable::trim(Run& run, std::size_t max_cost)
{
    const std::size_t before = run.output.cost();
    run.output.trim(max_cost);
    memory_ -= before - run.output.cost();
}

void RunTable::make_space(Run& newest)
{
    trim(newest, limits_.output);
    for (auto old = over_.begin(); memory_ > limits_.memory && old != over_.end(); ++old) {
        if (RunEntry* ended = entry(*old)) trim(ended->run, 0);
    }
    if (memory_ <= limits_.memory) return;
    const std::size_t cost = newest.output.cost(), above = memory_ - limits_.memory;
    trim(newest, cost > above ? cost - above : 0);
}

void RunTable::retire(const std::string& id)
{
    over_.push_back(id);
    while (over_.size() > limits_.over) {
        if (const auto it = runs_.find(over_.front()); it != runs_.end()) {
            memory_ -= it->second.run.output.cost();
            runs_.erase(it);
        }
        over_.pop_front();
    }
}

} // namespace agenthost::hub
