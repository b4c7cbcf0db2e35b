// Describes each protocol in one row, so that no other code asks which protocol it has before it.
//
// A row states facts. A protocol's frames are in its codec (sdk/wire/<protocol>). Behaviour beyond facts: plugins/hub/protocols has one
// file a protocol; host/session/auth has one file a mechanism (registration, nonces, clock), which rows select by their facts.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace agenthost::wire {

class AgentCodec;
class ServerCodec;
struct AgentSetup;
struct ServerSetup;

// A protocol or a dialect of one. In the order of the rows.
enum class Protocol : std::uint8_t {
    storage,
    panel,
    print,
    dashboard,
    signed_,
    panel_field,
    dashboard_field
};

// When a session is authenticated.
enum class Acceptance : std::uint8_t {
    answer,  // the server answers hello with Welcome
    upgrade, // by the 101; hello, when there is one, is only sent
    silence, // no close within 2 s of hello; a Welcome counts as well
};

// Where an agent's credential comes from.
enum class Enrolment : std::uint8_t {
    configured, // `credential` is required
    optional,   // `credential` may be absent: the id alone may do
    registered, // by a registration over REST, which also renews it; else `credential`
};

// A key of the configuration section that is named after the protocol.
struct ProtocolSetting {
    enum class Kind : std::uint8_t { text, http_url, secret, whole, duration };
    std::string_view key;
    Kind kind;
    // Of a number; of a duration in ms; `max` also the longest text.
    std::int64_t min, max;
    // The only place of a default; of a duration in ms. Text and secrets have none.
    std::int64_t fallback;
    std::string_view doc;
};

// A row names what differs from the defaults below, which are most protocols'.
struct ProtocolTraits {
    Protocol protocol;
    // In configuration, in REST and in manifests, whose `aliases` hold its words for actions under this name.
    std::string_view name;
    // Empty: as the protocol's document has it. Else a variant found in the field; the name is shared.
    std::string_view dialect = {};

    // ---- authentication ----
    Acceptance acceptance = Acceptance::answer;
    Enrolment enrolment = Enrolment::configured;
    // The hub mints JWTs for its agents, else shared secrets.
    bool jwt = false;
    // Signed timestamps further off than this are refused, and nonces are remembered as long; 0: nothing is signed.
    std::chrono::seconds signature_window{0};
    // `{public_ip}` in a server's URL stands for this machine's public address.
    bool public_ip_in_url = false;

    // ---- configuration ----
    std::span<const ProtocolSetting> settings = {};
    // Of these settings, the one whose value replaces agent_id, and the one that makes `url` unnecessary; empty: none.
    std::string_view id_setting = {}, url_setting = {};

    // ---- timing; configuration may say otherwise ----
    // Interval of heartbeats, or of WebSocket pings where the protocol has no heartbeat.
    std::chrono::milliseconds heartbeat{30'000};
    // A heartbeat follows at once when the session is ready.
    bool heartbeat_at_once = false;
    // The server sends pings of the protocol, which the agent answers with its heartbeat.
    bool server_pings = false;
    // First and longest delay between connection attempts, and their spread.
    std::chrono::milliseconds backoff{2'000}, backoff_max{30'000};
    double jitter = 0.2;
    // Spread over 0 to 1 s.
    bool first_retry_at_once = false;

    // ---- commands ----
    // Its word for host.ping; empty: the action's own name. Words for plugins' actions are in their manifests.
    std::string_view ping_word = {};
    // Words that name frames of the protocol itself, so that no command can have them.
    std::span<const std::string_view> reserved_words = {};
    // Parameters whose places the protocol needs for itself.
    std::span<const std::string_view> reserved_params = {};
    // Every agent repeats a command's id in its answer. Where not, one command at a time is sent until the agent is seen to.
    bool answers_repeat_id = true;
    // A command may be sent again to an agent that keeps no journal: the protocol's commands may be repeated, or all its agents keep one.
    bool redispatch_safe = false;
    // Has frames for a command's output, and for when it starts to run.
    bool carries_output = false;

    // ---- the server's manners ----
    // A hello after the first is welcomed again: agents wait for it.
    bool welcomes_every_hello = false;
    // The server sends Welcome{false} before it closes an authenticated session.
    bool says_why_it_closes = false;

    std::unique_ptr<AgentCodec> (*agent_codec)(AgentSetup) = nullptr;
    std::unique_ptr<ServerCodec> (*server_codec)(ServerSetup) = nullptr;

    [[nodiscard]] bool reserves_word(std::string_view action) const;
    [[nodiscard]] bool reserves_param(std::string_view key) const;
    [[nodiscard]] const ProtocolSetting* setting(std::string_view key) const;
};

// All rows, in the order of Protocol.
std::span<const ProtocolTraits> protocols();
const ProtocolTraits& traits(Protocol);
// nullptr: there is no such protocol, or it has no such dialect.
const ProtocolTraits* find_traits(std::string_view name, std::string_view dialect = {});

// "storage, panel or signed": the names of the protocols that are wanted, for people.
std::string list_protocols(const std::function<bool(const ProtocolTraits&)>& wanted);

std::string_view name(Protocol);
std::optional<Protocol> protocol(std::string_view name, std::string_view dialect = {});

} // namespace agenthost::wire
