// Reads console lines from an agent's answer to get_logs and from its server_log events. Pure.
//
//     {"entries":[{"position":7,"stream":"stdout","text":"Done"}],"first":1,"next":8,"end":8}
//     {"serverId":"mc1","logLevel":"INFO","message":"Done","position":7,"entries":1}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

struct LogPage {
    std::string text; // lines, each with its LF
    // Position of the first line, of the one after the page, and of the next one to come; absent: the agent
    // does not number its lines.
    std::optional<std::uint64_t> from = {}, next = {}, end = {};
};
std::optional<LogPage> read_log_page(std::string_view data);

struct LogLine {
    std::string text; // one line or several, with a final LF
    std::optional<std::uint64_t> position = {};
    std::uint64_t lines = 1;
    std::uint64_t dropped = 0; // lines before it that are in no event
};
std::optional<LogLine> read_log_event(std::string_view data);

} // namespace agenthost::hub
