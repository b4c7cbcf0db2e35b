// The folders of all servers for file actions, opened on first use, and the disk space of their content.
//
// Where the file system has project quotas, each folder gets one before anything is written, and the kernel
// counts. Elsewhere a walk over the folder counts, on a thread of its own. usage() returns what was counted
// last, and begins another count when it is due. The first count removes what a crashed agent left
// unfinished. Any thread; root(), prepare() and end() block.
#pragma once

#include "disk_quota.hpp"
#include "server_life.hpp"
#include "usage.hpp"

#include "base/pool.hpp"
#include "plugins/docker/files/root.hpp"
#include "plugins/docker/spec/node_policy.hpp"
#include "plugins/docker/spec/server_spec.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::docker::service {

// Of one server, for its file actions.
struct FileScope {
    const NodePolicy& policy; // outlives the actions
    std::string id;
    std::uint64_t max_bytes = 0;       // 0: no limit
    std::vector<std::string> denylist; // the egg's, as files::Denylist reads it
    // Each job enters it before it touches the folder.
    std::shared_ptr<ServerLife> life = std::make_shared<ServerLife>();
};

FileScope scope_of(const NodePolicy&, const ServerSpec&, std::shared_ptr<ServerLife>);

class ServerRoots {
public:
    explicit ServerRoots(DiskQuotas::Options = {});
    ~ServerRoots();
    ServerRoots(const ServerRoots&) = delete;
    ServerRoots& operator=(const ServerRoots&) = delete;

    // A server's stored project. Before adopt().
    void restore(const std::string& id, std::uint32_t project);
    // The agent starts: gives existing folders their quotas, in the background.
    void adopt(const std::string& data_dir, std::vector<FileScope>);
    // Before a container is created: the folder has its quota. Does not throw.
    void prepare(const FileScope&);
    // The root of a server's folder, which is created if it is missing, with the scope's denylist. Throws.
    std::shared_ptr<files::Root> root(const FileScope&);
    // nullopt: not counted yet. Never blocks.
    std::optional<DiskUse> usage(const FileScope&);
    // The server's folder was removed: so is its quota. Does not throw.
    void end(const FileScope&);
    // The server is deleted.
    void forget(const std::string& id);
    void stop();

private:
    struct Entry {
        std::shared_ptr<files::Root> root;
        std::shared_ptr<DiskQuota> quota; // of `root`
        bool counting = false;            // or marking
        bool asking = false;              // the kernel
        bool swept = false;               // unfinished files of an agent that crashed are gone
    };
    void close_if_replaced(const FileScope&);
    void walk_later(Entry&, const FileScope&, bool count); // with the lock
    void walk(const FileScope&, bool count, base::Cancel&);
    void ask_later(Entry&, const std::string& id); // with the lock
    void sweep(const std::string& id, const files::Root&, files::Control&);

    DiskQuotas quotas_;
    std::mutex mutex_; // held for moments only
    std::map<std::string, Entry> entries_;
    base::Pool walker_, asker_; // the last members: joined first
};

} // namespace agenthost::docker::service
