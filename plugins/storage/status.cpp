#include "status.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <exception>

namespace agenthost::storage {

void Status::set_orphans(std::uint64_t quarantined, std::uint64_t left)
{
    quarantined_ = quarantined;
    left_ = left;
}

void Status::index_failed(const std::string& why)
{
    const std::lock_guard lock{mutex_};
    index_trouble_ = why;
}

std::string Status::index_trouble() const
{
    {
        const std::lock_guard lock{mutex_};
        if (index_trouble_.empty()) return {};
    }
    const bool works = index_.can_change();
    const std::lock_guard lock{mutex_};
    if (works) index_trouble_.clear();
    return index_trouble_;
}

void Status::publish() const
{
    try {
        const auto totals = index_.totals();
        const auto load = pool_.load();
        telemetry_.publish({totals.files, totals.bytes, store_.free_bytes(), config_.quota, quarantined_,
                            totals.missing, totals.damaged, load.waiting, load.running});
    } catch (const std::exception& e) {
        telemetry_.log(Level::warn, std::string{"publishing facts: "} + e.what());
    }
}

std::string Status::info(std::string_view agent_id) const
{
    const auto totals = index_.totals();
    const auto load = pool_.load();
    const auto now = std::chrono::steady_clock::now();
    nlohmann::json data{
        {"version", AGENTHOST_VERSION},
        {"uptime", std::chrono::duration_cast<std::chrono::seconds>(now - started_).count()},
        {"files", totals.files},
        {"bytes", totals.bytes},
        {"quota_bytes", nullptr},
        {"free_bytes", store_.free_bytes()},
        {"quarantined", quarantined_.load() + left_.load()},
        {"missing", totals.missing},
        {"damaged", totals.damaged},
        {"transfers", {{"running", load.running}, {"waiting", load.waiting}, {"max", config_.max_transfers}}},
        {"capabilities", {"upload", "download", "delete", "info", "list", "verify"}}};
    if (config_.quota > 0) data["quota_bytes"] = config_.quota;
    if (!agent_id.empty()) data["agent_id"] = agent_id;
    return data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Health Status::health() const
{
    if (const auto lost = store_.lost()) return {AGH_E_INTERNAL, lost->detail};
    if (const auto trouble = index_trouble(); !trouble.empty()) return {AGH_E_INTERNAL, trouble};
    const auto totals = index_.totals();
    if (totals.missing + totals.damaged > 0)
        return {AGH_E_BUSY, std::to_string(totals.missing) + " stored files are missing on the disk and " +
                                std::to_string(totals.damaged) +
                                " damaged; storage.list shows which, send them again or delete them"};
    if (left_ > 0)
        return {AGH_E_BUSY, "quarantine is full; look at " + store_.path() + "/quarantine and empty it"};
    if (const auto free = store_.free_bytes(); free < std::max(config_.reserve_free, min_reserve))
        return {AGH_E_BUSY, "only " + std::to_string(free) + " bytes are free in " + store_.path() +
                                ", below reserve_free: uploads are refused; free space"};
    return {};
}

} // namespace agenthost::storage
