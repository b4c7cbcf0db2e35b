// Servers for tests of the store.
#pragma once

#include "plugins/docker/store/open.hpp"

#include "tests/support/support.hpp"

#include <string>

namespace agenthost::docker_test {

using namespace agenthost::docker::store;
using docker::Problem;
using docker::server::Goal;
using docker::server::Install;
using docker::server::Record;
using docker::server::State;

inline StoredServer stored(const std::string& id)
{
    StoredServer out;
    out.id = out.claim.server = id;
    out.spec = R"({"serverId":")" + id + R"(","eggConfig":{"image":"busybox"}})";
    out.spec_hash = std::string(64, 'a');
    out.created_ms = 1'790'000'000'000;
    for (const char* port : {"0.0.0.0:25565/tcp", "[2001:db8::1]:19132/udp"})
        out.claim.ports.push_back(docker::ledger::read_host_port(port).value());
    out.claim.memory = std::uint64_t{2} << 30;
    out.claim.disk = std::uint64_t{5} << 40;
    return out;
}

} // namespace agenthost::docker_test
