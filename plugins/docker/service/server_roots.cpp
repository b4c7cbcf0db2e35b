#include "server_roots.hpp"

#include "folders.hpp"

#include "plugins/docker/files/control.hpp"
#include "plugins/docker/files/remove.hpp"

#include <chrono>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

namespace agenthost::docker::service {

namespace {

// As old as a count may become while people look at it; a long walk is repeated less often.
constexpr std::chrono::seconds fresh{60};

std::string folder_of(const FileScope& scope) { return scope.policy.data_dir + "/" + scope.id; }

} // namespace

ServerRoots::ServerRoots() : walker_{{.threads = 1, .max_waiting = 1024}} {}
ServerRoots::~ServerRoots() = default;

std::shared_ptr<files::Root> ServerRoots::root(const FileScope& scope)
{
    {
        const std::scoped_lock lock{mutex_};
        if (const auto known = entries_.find(scope.id); known != entries_.end() && known->second.root)
            return known->second.root;
    }
    files::DiskLimit::Options limit;
    limit.max_bytes = scope.max_bytes;
    limit.fresh = fresh;
    prepare_folder(scope.policy, scope.id); // files may come before the first start
    auto made = std::make_shared<files::Root>(folder_of(scope),
                                              files::Owner{scope.policy.uid, scope.policy.gid}, limit);
    const std::scoped_lock lock{mutex_};
    auto& root = entries_[scope.id].root; // another thread may have been faster
    if (!root) root = std::move(made);
    return root;
}

std::optional<DiskUse> ServerRoots::usage(const FileScope& scope)
{
    const std::scoped_lock lock{mutex_};
    Entry& entry = entries_[scope.id];
    if (!entry.counting && (!entry.root || !entry.swept || entry.root->limit().recount_due()))
        entry.counting =
            walker_.submit([this, scope](const base::Cancel& cancel) { count(scope, cancel); }) != nullptr;
    if (!entry.root) return std::nullopt;
    const files::DiskLimit::State state = entry.root->limit().state();
    if (!state.counted) return std::nullopt;
    return DiskUse{state.used, state.max};
}

void ServerRoots::count(const FileScope& scope, const base::Cancel& cancel)
{
    try {
        std::error_code ignored;
        files::Control control{&cancel};
        if (std::filesystem::is_directory(folder_of(scope), ignored)) {
            const auto own = root(scope);
            sweep(scope.id, *own, control);
            own->limit().recount(control);
        }
    } catch (const std::exception&) {
        // Cancelled, or not readable now: the next question retries it.
    }
    const std::scoped_lock lock{mutex_};
    if (const auto known = entries_.find(scope.id); known != entries_.end()) known->second.counting = false;
}

void ServerRoots::sweep(const std::string& id, const files::Root& root, files::Control& control)
{
    {
        const std::scoped_lock lock{mutex_};
        if (entries_[id].swept) return;
    }
    files::remove_leftovers(root, control);
    const std::scoped_lock lock{mutex_};
    if (const auto known = entries_.find(id); known != entries_.end()) known->second.swept = true;
}

void ServerRoots::forget(const std::string& id)
{
    const std::scoped_lock lock{mutex_};
    entries_.erase(id);
}

} // namespace agenthost::docker::service
