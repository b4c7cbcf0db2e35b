#include "report_history.hpp"

#include <utility>

namespace agenthost::hub {

void ReportHistories::add(std::string_view agent, ReportKind kind, std::int64_t at, std::string json)
{
    auto it = histories_.find(agent);
    if (it == histories_.end()) it = histories_.try_emplace(std::string{agent}).first;
    const auto k = static_cast<std::size_t>(kind);
    std::list<ReportEntry>& list = it->second.entries.at(k);
    const std::size_t max_entries = kind == ReportKind::metrics ? limits_.samples : limits_.entries;
    ReportEntry entry{++it->second.seq.at(k), at, std::move(json)};
    while (!list.empty() && (list.size() >= max_entries || bytes_ + cost(entry) > limits_.memory)) {
        bytes_ -= cost(list.front());
        list.pop_front();
    }
    if (bytes_ + cost(entry) > limits_.memory) {
        ++dropped_;
        return;
    }
    bytes_ += cost(entry);
    list.push_back(std::move(entry));
}

void ReportHistories::forget(std::string_view agent)
{
    const auto it = histories_.find(agent);
    if (it == histories_.end()) return;
    for (const auto& list : it->second.entries) {
        for (const ReportEntry& e : list) bytes_ -= cost(e);
    }
    histories_.erase(it);
}

std::vector<const ReportEntry*> ReportHistories::after(std::string_view agent, ReportKind kind,
                                                       std::uint64_t seq, std::size_t max) const
{
    std::vector<const ReportEntry*> found;
    const auto it = histories_.find(agent);
    if (it == histories_.end()) return found;
    for (const ReportEntry& e : it->second.entries.at(static_cast<std::size_t>(kind))) {
        if (e.seq > seq) found.push_back(&e);
    }
    if (found.size() <= max) return found;
    if (seq == 0)
        found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(max));
    else
        found.resize(max);
    return found;
}

} // namespace agenthost::hub
