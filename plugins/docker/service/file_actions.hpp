// The file actions: reads their parameters, and carries them out in the server's folder on threads of their
// own, shared fairly among the panels that asked (base/turns.hpp). Any thread.
#pragma once

#include "server_roots.hpp"

#include "base/pool.hpp"

#include <agenthost/request.hpp>

#include <memory>
#include <string>

namespace agenthost::docker::service {

class FileActions {
public:
    // `roots` outlives it.
    explicit FileActions(ServerRoots& roots);
    ~FileActions();
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    // Answers the request, sooner or later. `action` is the action's verb: "list_files".
    void run(std::shared_ptr<Request>, const FileScope&, std::string action);
    // Running ones are cancelled.
    void stop()
    {
        pool_.stop();
        walks_.stop();
    }

private:
    ServerRoots& roots_;
    base::Pool pool_, walks_; // the last members: joined first
};

} // namespace agenthost::docker::service
