// Finds the containers of one server on the engine: by their labels, whatever their names are, because people
// rename containers. A container is ours if it carries the server's id and this agent's owner id. One without
// an owner id, made by an earlier version, is ours unless another folder than the server's is mounted in it.
// Containers of others are never touched.
// On the engine thread; owned by ServerCalls.
#pragma once

#include "plugins/docker/engine/client.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker::service {

enum class Ownership { ours, other_agent, stranger };

class OwnContainers {
public:
    struct Survey {
        std::vector<engine::ContainerFacts> server, installer; // running ones first, then the newest
    };

    // `owner`: of this agent; `folder`: the server's, as the engine mounts it.
    OwnContainers(engine::Client&, std::string server_id, std::string owner, std::string folder);

    void survey(engine::Then<Survey>);
    [[nodiscard]] Ownership ownership(const engine::ContainerFacts&) const;
    // Why a container that is not ours is in the way, and what to do.
    [[nodiscard]] std::string in_the_way(const engine::ContainerFacts&) const;

private:
    struct Search;
    void look_at_next(const std::shared_ptr<Search>&);

    engine::Client& client_;
    const std::string id_, owner_, folder_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

} // namespace agenthost::docker::service
