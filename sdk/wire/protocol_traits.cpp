#include "protocol_traits.hpp"

#include "wire/codec.hpp"
#include "wire/dashboard/dashboard.hpp"
#include "wire/dashboard_field/dashboard_field.hpp"
#include "wire/panel/panel.hpp"
#include "wire/panel_field/panel_field.hpp"
#include "wire/print/print.hpp"
#include "wire/signed/signed.hpp"
#include "wire/storage/storage.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::wire {
namespace {

using namespace std::chrono_literals;
using Setting = ProtocolSetting;
using Kind = ProtocolSetting::Kind;

constexpr std::int64_t ms(std::chrono::milliseconds time) { return time.count(); }

constexpr std::array<std::string_view, 2> storage_words{"auth", "response"};
constexpr std::array<std::string_view, 2> storage_params{"action", "request_id"};
constexpr std::array<std::string_view, 5> print_words{"register", "heartbeat", "task_result", "log_event",
                                                      "ack"};
constexpr std::array<std::string_view, 10> dashboard_words{
    "agent:connect", "connection:ack", "command:status", "command:queue", "terminal:output",
    "token:refresh", "heartbeat",      "response",       "event",         "error"};

constexpr std::array<Setting, 4> panel_settings{{
    {"register_url", Kind::http_url, 0, 4096, 0, "Where the agent registers once to get its id and token."},
    {"admin_credential", Kind::secret, 0, 0, 0, "Credential that authorises the registration."},
    {"port", Kind::whole, 0, 65535, 0, "The port sent at registration."},
    {"refresh", Kind::duration, ms(1s), ms(8760h), ms(24h), "Interval between token refreshes."},
}};
constexpr std::array<Setting, 1> print_settings{{
    {"shop_id", Kind::text, 0, 128, 0, "Default: agent_id."},
}};
constexpr std::array<Setting, 1> signed_settings{{
    {"metrics_interval", Kind::duration, ms(100ms), ms(24h), ms(5s), "Time between metrics messages."},
}};

// NOTES.md completes the documents' timing. panel and signed reserve no words, because the action has a
// member separate from the frame's type.
constexpr std::array<ProtocolTraits, 7> rows{{
    {
        .protocol = Protocol::storage,
        .name = "storage",
        .acceptance = Acceptance::answer,
        .reserved_words = storage_words,
        .reserved_params = storage_params,
        .redispatch_safe = true,
        .agent_codec = make_storage_agent,
        .server_codec = make_storage_server,
    },
    {
        .protocol = Protocol::panel,
        .name = "panel",
        .acceptance = Acceptance::upgrade,
        .enrolment = Enrolment::registered,
        .jwt = true,
        .settings = panel_settings,
        .url_setting = "register_url",
        .server_pings = true,
        .agent_codec = make_panel_agent,
        .server_codec = make_panel_server,
    },
    {
        .protocol = Protocol::print,
        .name = "print",
        .acceptance = Acceptance::upgrade,
        .enrolment = Enrolment::optional,
        .settings = print_settings,
        .id_setting = "shop_id",
        .heartbeat_at_once = true,
        .ping_word = "task_ping",
        .reserved_words = print_words,
        .welcomes_every_hello = true,
        .agent_codec = make_print_agent,
        .server_codec = make_print_server,
    },
    {
        .protocol = Protocol::dashboard,
        .name = "dashboard",
        .acceptance = Acceptance::answer,
        .jwt = true,
        .backoff = 1s,
        .first_retry_at_once = true,
        .reserved_words = dashboard_words,
        .redispatch_safe = true,
        .carries_output = true,
        .says_why_it_closes = true,
        .agent_codec = make_dashboard_agent,
        .server_codec = make_dashboard_server,
    },
    {
        .protocol = Protocol::signed_,
        .name = "signed",
        .acceptance = Acceptance::silence,
        .signature_window = 300s,
        .public_ip_in_url = true,
        .settings = signed_settings,
        .backoff_max = 60s,
        .ping_word = "ping",
        .answers_repeat_id = false,
        .agent_codec = make_signed_agent,
        .server_codec = make_signed_server,
    },
    {
        .protocol = Protocol::panel_field,
        .name = "panel",
        .dialect = "field",
        .acceptance = Acceptance::upgrade,
        .enrolment = Enrolment::registered,
        .jwt = true,
        .settings = panel_settings,
        .url_setting = "register_url",
        .heartbeat_at_once = true,
        .agent_codec = make_panel_field_agent,
        .server_codec = make_panel_field_server,
    },
    {
        .protocol = Protocol::dashboard_field,
        .name = "dashboard",
        .dialect = "field",
        .acceptance = Acceptance::answer,
        .jwt = true,
        .server_pings = true,
        .backoff = 1s,
        .first_retry_at_once = true,
        .reserved_words = dashboard_words,
        .carries_output = true,
        .says_why_it_closes = true,
        .agent_codec = make_dashboard_field_agent,
        .server_codec = make_dashboard_field_server,
    },
}};

constexpr bool in_order()
{
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows.at(i).protocol != static_cast<Protocol>(i)) return false;
    return true;
}
static_assert(in_order(), "the rows are in the order of Protocol");

} // namespace

bool ProtocolTraits::reserves_word(std::string_view action) const
{
    return std::ranges::find(reserved_words, action) != reserved_words.end();
}

bool ProtocolTraits::reserves_param(std::string_view key) const
{
    return std::ranges::find(reserved_params, key) != reserved_params.end();
}

const ProtocolSetting* ProtocolTraits::setting(std::string_view key) const
{
    const auto found = std::ranges::find(settings, key, &ProtocolSetting::key);
    return found == settings.end() ? nullptr : &*found;
}

std::span<const ProtocolTraits> protocols() { return rows; }

const ProtocolTraits& traits(Protocol protocol) { return rows.at(static_cast<std::size_t>(protocol)); }

const ProtocolTraits* find_traits(std::string_view name, std::string_view dialect)
{
    const auto* found = std::ranges::find_if(
        rows, [&](const ProtocolTraits& row) { return row.name == name && row.dialect == dialect; });
    return found == rows.end() ? nullptr : found;
}

std::string list_protocols(const std::function<bool(const ProtocolTraits&)>& wanted)
{
    std::string out;
    std::string_view last;
    for (const ProtocolTraits& row : rows) {
        if (!row.dialect.empty() || !wanted(row)) continue;
        if (!last.empty()) out.append(out.empty() ? "" : ", ").append(last);
        last = row.name;
    }
    return out + (out.empty() ? "" : " or ") + std::string{last};
}

std::string_view name(Protocol protocol) { return traits(protocol).name; }

std::optional<Protocol> protocol(std::string_view name, std::string_view dialect)
{
    const ProtocolTraits* row = find_traits(name, dialect);
    return row == nullptr ? std::nullopt : std::optional{row->protocol};
}

std::unique_ptr<AgentCodec> agent_codec(Protocol protocol, AgentSetup setup)
{
    return traits(protocol).agent_codec(std::move(setup));
}

std::unique_ptr<ServerCodec> server_codec(Protocol protocol, ServerSetup setup)
{
    return traits(protocol).server_codec(std::move(setup));
}

} // namespace agenthost::wire
