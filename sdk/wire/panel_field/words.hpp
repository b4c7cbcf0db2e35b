// Words and limits of the field dialect that both ends share.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace agenthost::wire::panel_field {

// The answer to system_info_request is a Heartbeat with this id. A panel's own ids never begin with '~'.
constexpr std::string_view system_info_id = "~system_info";

// Larger facts are left out of a heartbeat.
constexpr std::size_t max_facts = 64 << 10;

// Events that have a frame type of their own. Readers of the type expect `member` in the data; `source` is
// the document's member with the same meaning.
struct EventWord {
    std::string_view topic, type, member, source;
};
constexpr std::array event_words{
    EventWord{"server_status_changed", "server_status", "status", "currentStatus"},
    EventWord{"server_log", "server_output", "output", "message"},
    EventWord{"file_content", "file_content", {}, {}}};

} // namespace agenthost::wire::panel_field
