// Parses the IEEE 1284 device id of a printer: "MFG:EPSON;MDL:TM-T88V;SN:J8K9000123;". Pure.
//
// The text comes from the device and may be anything: unknown keys are skipped, of a key that is repeated the
// first counts, values are cut at max_device_id_value bytes and hold printable ASCII only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace agenthost::printer {

inline constexpr std::size_t max_device_id_value = 126;

struct DeviceId {
    std::string manufacturer, model, serial, commands;
    bool operator==(const DeviceId&) const = default;
};

// `raw` may begin with the two length bytes of GET_DEVICE_ID. What is not there stays empty.
DeviceId parse_device_id(std::string_view raw);

} // namespace agenthost::printer
