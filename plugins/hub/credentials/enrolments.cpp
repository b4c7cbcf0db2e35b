#include "enrolments.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub {

void Enrolments::count(const Enrolment& e, bool add)
{
    if (e.id.empty()) return;
    std::size_t& n = e.is_tombstone() ? counts_.tombstones : e.foreign ? counts_.foreign : counts_.ours;
    add ? ++n : --n;
}

void Enrolments::put(Enrolment enrolment)
{
    remove(enrolment.id);
    last_version_ = std::max(last_version_, enrolment.version);
    count(enrolment, true);
    auto id = enrolment.id;
    rows_.emplace(std::move(id), std::move(enrolment));
}

void Enrolments::remove(std::string_view agent)
{
    const auto it = rows_.find(agent);
    if (it == rows_.end()) return;
    count(it->second, false);
    rows_.erase(it);
}

const Enrolment* Enrolments::find(std::string_view agent) const
{
    const auto it = rows_.find(agent);
    return it == rows_.end() ? nullptr : &it->second;
}

bool Enrolments::revoked(std::string_view agent) const
{
    const Enrolment* row = find(agent);
    return row != nullptr && row->revoked;
}

std::int64_t Enrolments::floor() const
{
    const Enrolment* others = find("");
    return others == nullptr ? 0 : others->valid_from;
}

} // namespace agenthost::hub
