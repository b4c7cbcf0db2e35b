#include "disk_quota.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <cstring>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace agenthost::docker::service {

namespace {

constexpr std::size_t max_told = 256;

base::Fd open_existing(const std::string& path)
{
    std::error_code ignored;
    std::filesystem::path folder = path; // made with the first server
    while (!std::filesystem::exists(folder, ignored) && folder.has_relative_path())
        folder = folder.parent_path();
    return base::Fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

bool is_empty(int folder)
{
    DIR* const list = ::fdopendir(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (list == nullptr) return false;
    bool empty = true;
    while (const dirent* const entry = ::readdir(list))
        if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) empty = false;
    ::closedir(list);
    return empty;
}

bool known_to_kernel(int folder, std::uint32_t project)
{
    const auto numbers = files::ProjectQuota{folder, project}.numbers();
    return numbers && (numbers->used > 0 || numbers->limit > 0 || numbers->inodes > 0);
}

} // namespace

// ---- all servers ----

std::string DiskQuotas::unavailable(int folder) const
{
    if (options_.first_project == 0) return "quota_first_project is 0 in the plugin's configuration.";
    return files::ProjectQuota{folder, options_.first_project}.unavailable();
}

bool DiskQuotas::look(const std::string& data_dir)
{
    const base::Fd folder = open_existing(data_dir);
    if (!folder) return false;
    const std::string why = unavailable(folder.get());
    options_.counts(why.empty(), why);
    if (!why.empty())
        tell_agent_counts(why);
    else
        tell("the kernel counts and enforces the disk limits of servers: " + data_dir +
             " has project quotas");
    return why.empty();
}

void DiskQuotas::tell_agent_counts(const std::string& why)
{
    tell("the agent counts the disk limits of servers by walks over their folders, and stops its own writes "
         "only: " +
         why);
}

void DiskQuotas::tell_agent_counts(const std::string& server, const std::string& why)
{
    tell("the agent counts the disk limit of " + server +
         " by walks over its folder, and stops its own writes only: " + why);
}

void DiskQuotas::tell(const std::string& text)
{
    {
        const std::scoped_lock lock{mutex_};
        if (told_.size() >= max_told || !told_.insert(text).second) return;
    }
    options_.log(Level::info, text);
}

std::uint32_t DiskQuotas::choose(const std::string& server, int folder)
{
    const std::uint32_t marked = files::ProjectQuota::project_of(folder).value_or(0);
    std::uint32_t own = ids_.of(server);
    if (marked != 0 && marked != own) {
        if (!ids_.in_range(marked))
            throw std::runtime_error{
                "the folder belongs to project " + std::to_string(marked) +
                " of another program. Take it out of that project (ext4: chattr -R -P -p "
                "0 FOLDER), or leave it so."};
        if (ids_.take(server, marked)) own = marked; // else it is a copy of another server's folder
    }
    if (own == 0) {
        own = ids_.claim(server, listed_projects(options_.lists),
                         [folder](std::uint32_t project) { return known_to_kernel(folder, project); });
        if (own == 0)
            throw std::runtime_error{"all projects from " + std::to_string(options_.first_project) +
                                     " on are in use. Set quota_first_project to another number."};
    }
    options_.keep(server, own);
    return own;
}

void DiskQuotas::end(const std::string& server, const std::string& data_dir)
{
    const std::uint32_t project = ids_.of(server);
    const base::Fd folder = open_existing(data_dir);
    if (project == 0 || !folder || !unavailable(folder.get()).empty()) return;
    files::ProjectQuota{folder.get(), project}.set_limit(0);
}

// ---- one server ----

void DiskQuota::give_up(const std::string& why)
{
    state_ = State::walk;
    quotas_.tell_agent_counts(server_, why);
}

void DiskQuota::begin(std::uint64_t max_bytes)
{
    if (state_ != State::fresh) return;
    const std::scoped_lock lock{mutex_};
    if (state_ != State::fresh) return;
    try {
        if (const std::string why = quotas_.unavailable(root_->fd()); !why.empty()) {
            state_ = State::walk;
            return quotas_.tell_agent_counts(why);
        }
        project_ = quotas_.choose(server_, root_->fd());
        files::ProjectQuota quota{root_->fd(), project_};
        quota.mark();
        // What is there already is marked first: the kernel would refuse that beyond the limit.
        if (is_empty(root_->fd())) quota.set_limit(max_bytes);
        state_ = State::marked;
    } catch (const std::exception& e) {
        give_up(e.what());
    }
}

bool DiskQuota::due(std::uint64_t max_bytes) const
{
    const State state = state_;
    if (state == State::in_force) return limit_ != max_bytes || !root_->limit().state().exact;
    return state == State::marked;
}

void DiskQuota::complete(std::uint64_t max_bytes, files::Control& control)
{
    if (state_ == State::marked) {
        files::ProjectQuota quota{root_->fd(), project_};
        // What the game moves meanwhile may be missed by the first walk.
        if (quota.mark_contents(control) > 0)
            if (const auto missed = quota.mark_contents(control); missed > 0)
                quotas_.tell(std::to_string(missed) + " files of " + server_ +
                             " cannot be given to its project, so the kernel does not count them");
    }
    const std::scoped_lock lock{mutex_};
    if (state_ != State::marked && state_ != State::in_force) return; // deleted meanwhile
    try {
        set_limit(max_bytes);
    } catch (const std::exception& e) {
        give_up(e.what());
    }
}

void DiskQuota::set_limit(std::uint64_t max_bytes)
{
    files::ProjectQuota quota{root_->fd(), project_};
    quota.set_limit(max_bytes);
    root_->limit().use_quota(quota);
    if (!root_->limit().state().exact) throw std::runtime_error{"the kernel does not answer any more."};
    limit_ = max_bytes;
    state_ = State::in_force;
}

void DiskQuota::end()
{
    const std::scoped_lock lock{mutex_};
    if (state_ == State::marked || state_ == State::in_force) {
        try {
            files::ProjectQuota{root_->fd(), project_}.set_limit(0);
        } catch (const std::exception& e) {
            quotas_.tell("the quota of project " + std::to_string(project_) +
                         " cannot be removed: " + e.what());
        }
    }
    state_ = State::ended;
}

} // namespace agenthost::docker::service
