#include "project_ids.hpp"

#include <charconv>
#include <fstream>
#include <string_view>

namespace agenthost::docker::service {

namespace {

void add_number(std::string_view text, std::set<std::uint32_t>& to)
{
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return;
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), id);
    if (error == std::errc{}) to.insert(id);
}

} // namespace

std::set<std::uint32_t> listed_projects(const std::string& folder)
{
    std::set<std::uint32_t> ids;
    std::ifstream names{folder + "/projid"}, paths{folder + "/projects"};
    for (std::string line; std::getline(names, line);)
        if (const auto colon = line.find(':'); colon != std::string::npos && !line.starts_with('#'))
            add_number(std::string_view{line}.substr(colon + 1), ids);
    for (std::string line; std::getline(paths, line);) add_number(line, ids);
    return ids;
}

std::uint32_t ProjectIds::of(const std::string& server) const
{
    const std::scoped_lock lock{mutex_};
    const auto at = ids_.find(server);
    return at == ids_.end() ? 0 : at->second;
}

bool ProjectIds::take(const std::string& server, std::uint32_t id)
{
    const std::scoped_lock lock{mutex_};
    const auto at = ids_.find(server);
    if (at != ids_.end() && at->second == id) return true;
    if (!held_.insert(id).second) return false;
    if (at != ids_.end()) held_.erase(at->second);
    ids_[server] = id;
    return true;
}

std::uint32_t ProjectIds::claim(const std::string& server, const std::set<std::uint32_t>& listed,
                                const std::function<bool(std::uint32_t)>& used)
{
    for (std::uint32_t id = first_; in_range(id); ++id) {
        if (listed.contains(id) || !take(server, id)) continue;
        if (!used(id)) return id;
    }
    release(server);
    return 0;
}

void ProjectIds::release(const std::string& server)
{
    const std::scoped_lock lock{mutex_};
    const auto at = ids_.find(server);
    if (at == ids_.end()) return;
    held_.erase(at->second);
    ids_.erase(at);
}

} // namespace agenthost::docker::service
