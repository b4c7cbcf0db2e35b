// Divides a bounded resource among its users, so that no user can take all of it and starve the next one.
//
// A user may hold at most four times what stays free: 4/5 of the total alone, 4/9 each if two compete, so
// that a newcomer always gets a share. No weights, nothing to configure except the total. Not thread-safe.
#pragma once

#include "plugins/hub/core/by_id.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class Shares {
public:
    static constexpr std::uint64_t times_free = 4;

    explicit Shares(std::uint64_t total) : total_{total} {}

    // How much more the user may take now. Without a name, everything that is free.
    [[nodiscard]] std::uint64_t available(std::string_view user) const;
    bool take(std::string_view user, std::uint64_t amount); // false: more than available(); nothing was taken
    void give_back(std::string_view user, std::uint64_t amount);

    [[nodiscard]] std::uint64_t used() const { return used_; }
    [[nodiscard]] std::uint64_t used(std::string_view user) const;
    [[nodiscard]] std::uint64_t total() const { return total_; }

private:
    const std::uint64_t total_;
    std::uint64_t used_ = 0;
    ById<std::uint64_t> of_; // users that hold something
};

} // namespace agenthost::hub
