// The folders of all servers for file actions, opened on first use, and the disk space of their content.
//
// The first count removes what a crashed agent left unfinished. Counting walks over a folder, on a thread of
// its own: usage() returns what the last walk found, and begins another one when it is due. Any thread;
// root() blocks.
#pragma once

#include "usage.hpp"

#include "plugins/docker/files/pool.hpp"
#include "plugins/docker/files/root.hpp"
#include "plugins/docker/spec/node_policy.hpp"

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
    std::vector<std::string> denylist; // shell patterns that users must not touch
};

class ServerRoots {
public:
    ServerRoots();
    ~ServerRoots();
    ServerRoots(const ServerRoots&) = delete;
    ServerRoots& operator=(const ServerRoots&) = delete;

    // The root of a server's folder, which is created if it is missing. Blocking. Throws.
    std::shared_ptr<files::Root> root(const FileScope&);
    // nullopt: not counted yet. Never blocks.
    std::optional<DiskUse> usage(const FileScope&);
    // The server is deleted.
    void forget(const std::string& id);
    void stop() { walker_.stop(); }

private:
    struct Entry {
        std::shared_ptr<files::Root> root;
        bool counting = false;
        bool swept = false; // unfinished files of an agent that crashed are gone
    };
    void count(const FileScope&, const base::Cancel&);
    void sweep(const std::string& id, const files::Root&, files::Control&);

    std::mutex mutex_; // held for moments only
    std::map<std::string, Entry> entries_;
    files::Pool walker_; // the last member: joined first
};

} // namespace agenthost::docker::service
