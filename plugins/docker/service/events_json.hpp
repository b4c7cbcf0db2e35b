// The data of the events that the plugin emits, in the panel document's shapes. Pure.
#pragma once

#include "plugins/docker/console/log_events.hpp"
#include "plugins/docker/engine/pull_progress.hpp"
#include "plugins/docker/server/values.hpp"

#include "usage.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::docker::service {

// {"serverId":"s1","previousStatus":"starting","currentStatus":"running","pid":1234,"error":{"code":..,"message":..}}
std::string status_event(std::string_view id, const server::StateChanged&, std::int64_t pid,
                         std::string_view container);
// {"serverId":"s1","logLevel":"INFO","message":"...","position":17,"entries":1,"stream":"stdout"}
std::string log_event(std::string_view id, const console::LogEvent&);
std::string note_event(std::string_view id, std::string_view message);
// {"serverId":"s1","image":"...","percent":40,...}; without a server: progress of image_pull.
std::string pull_event(std::string_view id, std::string_view image, const engine::PullProgress&);
// {"serverId":"s1","cpu":52.1,"memory":{"used":"1200m","percentage":58.5},"disk":{"used":"2100m","percentage":42}}
std::string usage_event(std::string_view id, const Usage&, std::uint64_t memory_limit,
                        const std::optional<DiskUse>&);

// One decimal place.
double rounded(double);

} // namespace agenthost::docker::service
