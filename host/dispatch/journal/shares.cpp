#include "shares.hpp"

#include <algorithm>

namespace agenthost::host {

Shares::Usage& Shares::usage_of(std::string_view caller)
{
    const auto at = usage_.find(caller);
    return at != usage_.end() ? at->second : usage_[std::string{caller}];
}

void Shares::add(Usage& usage, std::int64_t rows, std::int64_t bytes)
{
    usage.rows += static_cast<std::uint64_t>(rows);
    usage.bytes += static_cast<std::uint64_t>(bytes);
    rows_ += static_cast<std::uint64_t>(rows);
    bytes_ += static_cast<std::uint64_t>(bytes);
}

void Shares::change(std::string_view caller, std::int64_t rows, std::int64_t bytes)
{
    Usage& usage = usage_of(caller);
    add(usage, rows, bytes);
    changes_.push_back({&usage, rows, bytes});
}

void Shares::roll_back()
{
    for (const Change& c : changes_) add(*c.usage, -c.rows, -c.bytes);
    changes_.clear();
}

void Shares::share_among(const std::vector<std::string>& callers)
{
    for (auto& [name, usage] : usage_) usage.shares = false;
    for (const std::string& name : callers) usage_of(name).shares = true;
    sharing_ = callers.size();
}

bool Shares::has_space(std::string_view caller) const
{
    const std::uint64_t parts = std::max<std::uint64_t>(1, sharing_) * 2;
    const std::uint64_t part_rows = max_rows_ / parts, part_bytes = max_bytes_ / parts;
    const auto mine = usage_.find(caller);
    if (mine != usage_.end() && mine->second.shares && mine->second.rows < part_rows &&
        mine->second.bytes < part_bytes)
        return true;
    std::uint64_t rows = rows_, bytes = bytes_;
    for (auto at = usage_.begin(); at != usage_.end(); ++at) {
        if (!at->second.shares || at == mine) continue;
        rows += part_rows - std::min(part_rows, at->second.rows);
        bytes += part_bytes - std::min(part_bytes, at->second.bytes);
    }
    return rows < max_rows_ && bytes < max_bytes_;
}

std::string Shares::no_space(std::string_view caller) const
{
    const auto at = usage_.find(caller);
    const Usage mine = at == usage_.end() ? Usage{} : at->second;
    return "the journal has no space for another result of " + std::string{caller} + ": it holds " +
           std::to_string(mine.rows) + " of its results (" + std::to_string(mine.bytes) + " bytes), and " +
           std::to_string(rows_) + " of " + std::to_string(max_rows_) + " rows and " +
           std::to_string(bytes_) + " of " + std::to_string(max_bytes_) + " bytes in all";
}

} // namespace agenthost::host
