// The file actions: reads their parameters, and carries them out in the server's folder on threads of their
// own.
//
// forget() on the engine thread, everything else on the host's worker. `find` gives what is needed of a
// server, from the engine thread.
#pragma once

#include "plugins/docker/files/pool.hpp"
#include "plugins/docker/files/root.hpp"
#include "plugins/docker/spec/node_policy.hpp"

#include <agenthost/request.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
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

class FileActions {
public:
    FileActions();
    ~FileActions();
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    // Answers the request, sooner or later. `action` is the action's verb: "list_files".
    void run(std::shared_ptr<Request>, const FileScope&, std::string action);
    // The server is deleted.
    void forget(const std::string& id);
    // The root of a folder, made on first use. Blocking. Throws.
    std::shared_ptr<files::Root> root(const FileScope&);
    // Running ones are cancelled.
    void stop() { pool_.stop(); }

private:
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<files::Root>> roots_;
    files::Pool pool_; // the last member: joined first
};

} // namespace agenthost::docker::service
