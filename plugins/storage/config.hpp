// The plugin's configuration, as values. The host has checked it against the manifest's schema.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::storage {

struct Config {
    std::string storage_path;
    std::uint64_t quota = 0;                 // bytes of all files together; 0: the size of the disk
    std::uint64_t reserve_free = 1ull << 30; // bytes kept free on the disk
    unsigned max_transfers = 4;              // concurrent transfers
    unsigned queue = 256;                    // transfers that may wait; beyond: BUSY
    bool checksum_always = true;             // false: only if the server sends one
    std::vector<std::string> allow_hosts;
    bool allow_private_networks = false;
    std::string ca_file;
    std::chrono::milliseconds connect_timeout{10'000}, idle_timeout{10'000};
    // Minimum rate of a transfer in bytes per second, over min_rate_window; 0: any rate.
    std::uint64_t min_rate = 128;
    std::chrono::milliseconds min_rate_window{60'000};
};

// Kept free on the disk even if reserve_free is smaller, because the index must be able to record a delete.
constexpr std::uint64_t min_reserve = 16 << 20;
// A warning about a smaller reserve_free; empty: it is large enough.
std::string reserve_warning(const Config&);

// Why tls_ca cannot be used; empty: usable, or not set.
std::string problem_of_ca(const Config&);

// Throws std::runtime_error with the key and the problem. `default_path` replaces a missing storage_path.
Config parse_config(std::string_view json, std::string_view default_path);

} // namespace agenthost::storage
