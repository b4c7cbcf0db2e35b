#include "shares.hpp"

#include <algorithm>

namespace agenthost::hub {

std::uint64_t Shares::used(std::string_view user) const
{
    const auto it = of_.find(user);
    return it == of_.end() ? 0 : it->second;
}

std::uint64_t Shares::available(std::string_view user) const
{
    const std::uint64_t free = total_ - used_;
    if (user.empty()) return free;
    // The largest n with own + n <= times_free * (free - n).
    __extension__ using Wide = unsigned __int128; // four times a 64-bit number
    const Wide share = Wide{free} * times_free, own = used(user);
    return share > own ? static_cast<std::uint64_t>((share - own) / (times_free + 1)) : 0;
}

bool Shares::take(std::string_view user, std::uint64_t amount)
{
    if (amount > available(user)) return false;
    used_ += amount;
    if (!user.empty() && amount > 0) {
        const auto it = of_.find(user);
        if (it == of_.end())
            of_.emplace(user, amount);
        else
            it->second += amount;
    }
    return true;
}

void Shares::give_back(std::string_view user, std::uint64_t amount)
{
    used_ -= std::min(used_, amount);
    const auto it = of_.find(user);
    if (it == of_.end()) return;
    it->second -= std::min(it->second, amount);
    if (it->second == 0) of_.erase(it);
}

} // namespace agenthost::hub
