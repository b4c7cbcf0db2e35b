// Records failed connection attempts of agents, so that GET /api/agents can explain why a machine is missing.
//
// An attempt has the claimed agent id (perhaps none), the address, the protocol and the latest reason.
// Bounds: `max_attempts` entries, `max_of_address` per address; the oldest is replaced. Under the hub's lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class Attempts {
public:
    static constexpr std::size_t max_attempts = 256, max_of_address = 32;

    struct Attempt {
        std::string agent; // as claimed; empty: no usable id
        std::string protocol, address, reason;
        std::uint64_t count = 0;
        std::int64_t first = 0, last = 0; // UTC ms
    };
    // `peer`: with or without a port. Returns the number of failures of this agent from this address so far.
    std::uint64_t failed(std::string_view agent, std::string_view protocol, std::string_view peer,
                         std::string_view reason, std::int64_t now);
    void connected(std::string_view agent);                                     // clears earlier failures
    [[nodiscard]] const std::vector<Attempt>& all() const { return attempts_; } // in no order

private:
    std::vector<Attempt> attempts_;
};

} // namespace agenthost::hub
