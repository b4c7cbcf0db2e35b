// The plugin's configuration (plugins.printer.config), read once.
//
//     {"devices": [{"alias": "Kitchen", "role": "food", "vendor_id": "0x04b8", "product_id": "0x0e15",
//     "default": true},
//                  {"alias": "Bar", "address": "192.168.1.50", "profile": "tm-t88v", "overrides": {"commit":
//                  "page"}}],
//      "allow_addresses": ["192.168.1.0/24"], "max_job_bytes": "4MiB"}
#pragma once

#include "plugins/printer/device/match.hpp"
#include "plugins/printer/job/queue.hpp"
#include "plugins/printer/network/address.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer::service {

struct DeviceConfig {
    std::string alias, role;
    bool is_default = false;
    Wanted wanted;                                  // a USB printer, or
    std::optional<network::PrinterAddress> address; // a network printer
    nlohmann::json profile =
        nlohmann::json::object(); // its profile's name and overrides (content/profile.hpp)
};

struct Config {
    std::vector<DeviceConfig> devices;
    network::AllowedAddresses allowed;
    bool usb = true;
    std::uint64_t max_job_bytes = std::uint64_t{4} << 20;
    job::QueueLimits queue;
    std::chrono::milliseconds connect_timeout{5'000};
};

// Throws std::runtime_error: the key's path and what is wrong ("devices[0].vendor_id: ...").
Config parse_config(std::string_view json);

// Whether a text can be an alias or a role: they are shown in terminals and on paper.
bool is_label(std::string_view);

// Reads a USB id as servers and people write it: 4070, "0x0fe6", "0fe6". Returns nullopt for anything else.
std::optional<std::uint16_t> usb_id(const nlohmann::json&);

} // namespace agenthost::printer::service
