// The table of game servers: what each one should do. The default implementation is SQLite (servers.hpp).
// Callbacks follow the rules of tables.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

// The state that the hub was last asked to bring a server to, if the agent accepted.
enum class DesiredState : std::uint8_t { none, stopped, running };
std::string_view to_string(DesiredState);
DesiredState desired_state(std::string_view word); // none for anything else

struct ServerRow {
    std::string agent, id, name, image;
    DesiredState desired = DesiredState::none;
    // Its limits, for placement: bytes, thousandths of a core; -1: the agent's default.
    std::int64_t memory = -1, disk = -1, milli_cpus = -1;
    std::int64_t created = 0, updated = 0; // UTC ms
    // Reserved for moving servers to other agents, which no hub does yet: who may run it, and until when
    // (UTC ms). Absent: nobody holds it.
    std::optional<std::string> lease = {};
    std::int64_t lease_until = 0;
};

class ServerTable {
public:
    virtual ~ServerTable() = default;
    // Inserts or changes a row; keeps its first `created`, and the lease if the row has none. false: the
    // queue is full.
    virtual bool save(const ServerRow&) = 0;
    virtual bool remove(std::string agent, std::string id) = 0;
};

} // namespace agenthost::hub
