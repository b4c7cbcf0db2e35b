// Keeps which server has claimed which host ports, and how much memory and disk all servers together have
// claimed, against the node's limits.
//
// A claim is made when a server is created and ends when it is deleted: a server that is offline keeps its
// ports and its share, so that it can always be started. Memory is a promise and not what is used now.
//
//     if (auto problem = ledger.claim(claim_of(plan), others)) refuse(*problem);      // nothing was changed
//
// Not thread-safe; owned by the service, used on the engine thread. Bounded by NodeLimits::servers and by the
// ports that a specification may have (512).
#pragma once

#include "claim.hpp"

#include "plugins/docker/errors/codes.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace agenthost::docker::ledger {

struct NodeLimits {
    std::uint64_t memory = 0, disk = 0; // bytes for all servers together; 0: no limit
    std::size_t servers = 500;
    // What the machine has. One server cannot get more, even where `memory` or `disk` is unlimited. 0: unknown.
    std::uint64_t machine_memory = 0, machine_disk = 0;
};
NodeLimits limits_of(const NodePolicy&);

// What holds a port without being one of our servers: "container grafana", "process nginx (pid 712)".
struct Stranger {
    HostPort port;
    std::string name;
};

class Ledger {
public:
    explicit Ledger(NodeLimits limits) : limits_{limits} {}

    // Claims all of it, in place of what the same server had claimed before; or says why not, and changes
    // nothing. PORT_CONFLICT names the holder, INSUFFICIENT_RESOURCES the numbers.
    std::optional<Problem> claim(Claim, std::span<const Stranger> strangers = {});
    // Takes a claim that was granted before, at start-up: what no longer fits is kept, because the server
    // exists. Each conflict as a sentence.
    std::vector<std::string> restore(Claim);
    void release(const std::string& server) { claims_.erase(server); }
    // The node's limits have changed; claims stay.
    void limit(NodeLimits limits) { limits_ = limits; }

    struct Totals {
        std::size_t servers = 0;
        std::uint64_t memory = 0, disk = 0;
    };
    // `without`: as if this server did not exist.
    [[nodiscard]] Totals totals(std::string_view without = {}) const;
    [[nodiscard]] const NodeLimits& limits() const { return limits_; }
    // The server that has claimed a port which excludes this one, and the port.
    [[nodiscard]] std::optional<std::pair<std::string, HostPort>> holder(const HostPort&,
                                                                         std::string_view without = {}) const;

private:
    [[nodiscard]] std::optional<Problem> port_problem(const Claim&, std::span<const Stranger>) const;
    [[nodiscard]] std::optional<Problem> resource_problem(const Claim&) const;

    NodeLimits limits_;
    std::map<std::string, Claim, std::less<>> claims_;
};

} // namespace agenthost::docker::ledger
