#include "reconcile.hpp"

namespace agenthost::storage {

ReconcilePlan reconcile(const std::map<std::string, KnownFile>& known, const std::set<std::string>& trash,
                        const std::vector<FoundFile>& found, std::size_t quarantine_slots)
{
    ReconcilePlan plan;
    std::set<std::string_view> seen;
    for (const FoundFile& file : found) {
        if (const auto row = known.find(file.blob); row != known.end()) {
            seen.insert(row->first);
            const KnownFile& known_file = row->second;
            const bool unsure = known_file.state == FileState::damaged && known_file.has_checksum;
            if (known_file.size != file.size)
                plan.damaged.push_back(known_file.id);
            else if (known_file.state != FileState::whole && !unsure)
                plan.back.push_back(known_file.id);
        } else if (trash.contains(file.blob)) {
            plan.unlink.push_back(file.blob);
        } else if (plan.quarantine.size() < quarantine_slots) {
            plan.quarantine.push_back(file);
        } else {
            plan.left.push_back(file);
        }
    }
    for (const auto& [blob, row] : known)
        if (!seen.contains(blob)) plan.missing.push_back(row.id);
    return plan;
}

} // namespace agenthost::storage
