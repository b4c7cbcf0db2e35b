// What all servers of this node share. Everything here is used on the engine thread; it outlives the servers.
#pragma once

#include "config.hpp"
#include "images.hpp"
#include "records.hpp"
#include "server_roots.hpp"

#include "plugins/docker/engine/client.hpp"

#include <agenthost/context.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace agenthost::docker::service {

// For blocking work.
struct Pools {
    boost::asio::any_io_executor disk;
    boost::asio::any_io_executor bulk; // what may take minutes: the removal of trees
};

struct NodeContext {
    const Config& config;
    engine::Client& client;
    Images& images;
    Records& records;
    Pools pools;
    NodePolicy policy;           // config.policy, with the traits of the engine that answers
    std::string owner;           // of this agent's containers (store/owner.hpp)
    std::filesystem::path state; // one folder for each server below it
    std::function<void(std::string_view topic, const std::string& json)> emit;
    std::function<void(Level, const std::string&)> log;
    // Before a container is created, and after a server's folder was removed: its disk limit. On the pool.
    std::function<void(const FileScope&)> limit_disk, free_disk;
    // A server's state changed.
    std::function<void()> changed;
};

} // namespace agenthost::docker::service
