// Agents that try to connect and fail, so that GET /api/agents can say why a machine is missing.
//
// An attempt is what was claimed (an agent's id, perhaps none), from where, over which protocol, and the latest reason. Bounds: `most`
// entries, `most_of_address` from one address; the one seen longest ago makes room. Under the hub's lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class Attempts {
public:
    static constexpr std::size_t most = 256, most_of_address = 32;

    struct Attempt {
        std::string agent; // as claimed; empty: nothing usable was
        std::string protocol, address, reason;
        std::uint64_t count = 0;
        std::int64_t first = 0, last = 0; // UTC ms
    };
    // `peer`: with or without a port. The number of failures of this agent from this address so far.
    std::uint64_t failed(std::string_view agent, std::string_view protocol, std::string_view peer,
                         std::string_view reason, std::int64_t now);
    void connected(std::string_view agent);                                     // what failed before is over
    [[nodiscard]] const std::vector<Attempt>& all() const { return attempts_; } // in no order

private:
    std::vector<Attempt> attempts_;
};

} // namespace agenthost::hub
