// Gives each server a project id for its disk quota, which no other server and no other program uses.
//
// Ids come from a range of project_ids_in_a_range numbers, lowest first. An id that /etc/projid or
// /etc/projects lists, or that the file system knows already, is left out. A server keeps its id until
// release(), whatever the range becomes. Any thread; only claim() may block, as far as `used` does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace agenthost::docker::service {

// Away from the ids that people choose (small ones) and from those of Docker and Podman (small ones), LXD
// (10000 and up) and Kubernetes (1048577 and up); below 2^31, since some tools read an id as a signed number.
constexpr std::uint32_t default_first_project = 1'100'000'000;
constexpr std::uint32_t project_ids_in_a_range = 65'536;
constexpr std::uint32_t max_first_project = (std::uint32_t{1} << 31) - project_ids_in_a_range;

// The ids in `folder`/projid ("name:id") and `folder`/projects ("id:path"). Blocking.
std::set<std::uint32_t> listed_projects(const std::string& folder);

class ProjectIds {
public:
    explicit ProjectIds(std::uint32_t first) : first_{first} {}

    // The id that a server holds; 0: none.
    [[nodiscard]] std::uint32_t of(const std::string& server) const;
    [[nodiscard]] bool in_range(std::uint32_t id) const { return id - first_ < project_ids_in_a_range; }
    // Exchanges the server's id for this one. False: another server holds it.
    bool take(const std::string& server, std::uint32_t id);
    // A new id; 0: none is left. `used`: the file system knows it.
    std::uint32_t claim(const std::string& server, const std::set<std::uint32_t>& listed,
                        const std::function<bool(std::uint32_t)>& used);
    void release(const std::string& server);

private:
    const std::uint32_t first_;
    mutable std::mutex mutex_;
    std::map<std::string, std::uint32_t> ids_;
    std::set<std::uint32_t> held_;
};

} // namespace agenthost::docker::service
