#include "server_roots.hpp"

#include "folders.hpp"

#include "plugins/docker/files/control.hpp"
#include "plugins/docker/files/remove.hpp"

#include <sys/stat.h>

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

// An egg may change; operations in flight keep the root that they began with.
std::shared_ptr<files::Root> with_denylist(std::shared_ptr<files::Root>& root, const FileScope& scope)
{
    if (root->denylist().patterns() != scope.denylist)
        root = std::make_shared<files::Root>(*root, files::Denylist{scope.denylist});
    return root;
}

} // namespace

FileScope scope_of(const NodePolicy& policy, const ServerSpec& spec, std::shared_ptr<ServerLife> life)
{
    return {policy, spec.id, spec.limits.disk.value_or(policy.default_disk), spec.file_denylist,
            std::move(life)};
}

ServerRoots::ServerRoots(DiskQuotas::Options quotas)
    : quotas_{std::move(quotas)}, walker_{{.threads = 1, .max_waiting = 1024}}, asker_{{.threads = 1,
                                                                                        .max_waiting = 1024}}
{}

ServerRoots::~ServerRoots() = default;

void ServerRoots::stop()
{
    walker_.stop();
    asker_.stop();
}

// ---- folders ----

void ServerRoots::restore(const std::string& id, std::uint32_t project) { quotas_.ids().take(id, project); }

void ServerRoots::adopt(const std::string& data_dir, std::vector<FileScope> scopes)
{
    walker_.submit([this, data_dir, scopes = std::move(scopes)](const base::Cancel& cancel) {
        if (!quotas_.look(data_dir)) return;
        for (const FileScope& scope : scopes) {
            std::error_code ignored;
            if (cancel.is_set()) return;
            base::Cancel own; // a server that is deleted ends its own part only
            try {
                const auto stay = scope.life->enter(own);
                if (std::filesystem::is_directory(folder_of(scope), ignored)) prepare(scope);
            } catch (const Error&) {
                // It was deleted.
            }
        }
    });
}

void ServerRoots::prepare(const FileScope& scope)
{
    try {
        root(scope)->limit().outdate(); // an installer ran, or the game did
    } catch (const std::exception&) {
        // File actions report it.
    }
}

// Somebody moved the folder away, or restored it from a backup.
void ServerRoots::close_if_replaced(const FileScope& scope)
{
    std::shared_ptr<files::Root> root;
    {
        const std::scoped_lock lock{mutex_};
        if (const auto at = entries_.find(scope.id); at != entries_.end()) root = at->second.root;
    }
    struct stat named {
    }, open{};
    if (!root || ::fstat(root->fd(), &open) != 0) return;
    if (::stat(folder_of(scope).c_str(), &named) == 0 && named.st_dev == open.st_dev &&
        named.st_ino == open.st_ino)
        return;
    const std::scoped_lock lock{mutex_};
    const auto at = entries_.find(scope.id);
    if (at == entries_.end() || at->second.root != root) return;
    at->second.root.reset();
    at->second.quota.reset();
    at->second.swept = false;
}

std::shared_ptr<files::Root> ServerRoots::root(const FileScope& scope)
{
    close_if_replaced(scope);
    Entry known;
    {
        const std::scoped_lock lock{mutex_};
        if (const auto at = entries_.find(scope.id); at != entries_.end()) known = at->second;
    }
    if (!known.root) {
        files::DiskLimit::Options limit;
        limit.max_bytes = scope.max_bytes;
        limit.fresh = fresh;
        prepare_folder(scope.policy, scope.id); // files may come before the first start
        auto made = std::make_shared<files::Root>(folder_of(scope),
                                                  files::Owner{scope.policy.uid, scope.policy.gid}, limit);
        const std::scoped_lock lock{mutex_};
        Entry& entry = entries_[scope.id]; // another thread may have been faster
        if (!entry.root) {
            entry.quota = std::make_shared<DiskQuota>(quotas_, scope.id, made);
            entry.root = std::move(made);
        }
        known = entry;
    }
    known.root->limit().set_max(scope.max_bytes);
    known.quota->begin(scope.max_bytes);
    if (known.quota->due(scope.max_bytes)) {
        const std::scoped_lock lock{mutex_};
        if (const auto at = entries_.find(scope.id); at != entries_.end())
            walk_later(at->second, scope, false);
    }
    const std::scoped_lock lock{mutex_};
    const auto at = entries_.find(scope.id);
    return with_denylist(at != entries_.end() && at->second.root ? at->second.root : known.root, scope);
}

// ---- counting ----

std::optional<DiskUse> ServerRoots::usage(const FileScope& scope)
{
    const std::scoped_lock lock{mutex_};
    Entry& entry = entries_[scope.id];
    if (!entry.root) {
        walk_later(entry, scope, true);
        return std::nullopt;
    }
    files::DiskLimit& limit = entry.root->limit();
    limit.set_max(scope.max_bytes);
    const files::DiskLimit::State state = limit.state();
    if (!entry.swept || entry.quota->due(scope.max_bytes) || (!state.exact && limit.recount_due()))
        walk_later(entry, scope, true);
    if (state.exact) ask_later(entry, scope.id);
    if (!state.counted) return std::nullopt;
    return DiskUse{state.used, state.max, state.exact};
}

void ServerRoots::walk_later(Entry& entry, const FileScope& scope, bool count)
{
    if (entry.counting) return;
    entry.counting =
        walker_.submit([this, scope, count](base::Cancel& cancel) { walk(scope, count, cancel); }) != nullptr;
}

void ServerRoots::walk(const FileScope& scope, bool count, base::Cancel& cancel)
{
    try {
        const auto stay = scope.life->enter(cancel);
        std::error_code ignored;
        files::Control control{&cancel};
        if (std::filesystem::is_directory(folder_of(scope), ignored)) {
            const auto own = root(scope);
            if (count) sweep(scope.id, *own, control);
            std::shared_ptr<DiskQuota> quota;
            {
                const std::scoped_lock lock{mutex_};
                if (const auto at = entries_.find(scope.id); at != entries_.end()) quota = at->second.quota;
            }
            if (quota && quota->due(scope.max_bytes)) quota->complete(scope.max_bytes, control);
            if (count) own->limit().recount(control);
        }
    } catch (const std::exception&) {
        // Cancelled, or not readable now: the next question retries it.
    }
    const std::scoped_lock lock{mutex_};
    if (const auto known = entries_.find(scope.id); known != entries_.end()) known->second.counting = false;
}

// Walks of other servers do not delay the kernel's numbers.
void ServerRoots::ask_later(Entry& entry, const std::string& id)
{
    if (entry.asking) return;
    entry.asking = asker_.submit([this, id, root = entry.root](const base::Cancel& cancel) {
        try {
            files::Control control{&cancel};
            if (root->limit().state().exact) root->limit().recount(control);
        } catch (const std::exception&) {
            // Cancelled.
        }
        const std::scoped_lock lock{mutex_};
        if (const auto known = entries_.find(id); known != entries_.end()) known->second.asking = false;
    }) != nullptr;
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

// ---- the end ----

void ServerRoots::end(const FileScope& scope)
{
    std::shared_ptr<DiskQuota> quota;
    {
        const std::scoped_lock lock{mutex_};
        if (const auto at = entries_.find(scope.id); at != entries_.end()) quota = at->second.quota;
    }
    try {
        if (quota)
            quota->end();
        else
            quotas_.end(scope.id, scope.policy.data_dir);
    } catch (const std::exception& e) {
        quotas_.tell("the disk quota of the deleted server " + scope.id + " cannot be removed: " + e.what());
    }
}

void ServerRoots::forget(const std::string& id)
{
    {
        const std::scoped_lock lock{mutex_};
        entries_.erase(id);
    }
    quotas_.ids().release(id);
}

} // namespace agenthost::docker::service
