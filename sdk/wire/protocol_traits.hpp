// Describes each protocol in one row, so that no other code has to test for a protocol.
//
// A row contains only facts. Frames are in the codecs (sdk/wire/<protocol>). Other behaviour:
// plugins/hub/protocols has one file per protocol; host/session/auth has one file per mechanism
// (registration, nonces, clock), selected by the row's facts.
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
    upgrade, // the 101 accepts; a hello, if any, is not answered
    silence, // no close within 2 s of hello; a Welcome counts as well
};

// Where an agent's credential comes from.
enum class Enrolment : std::uint8_t {
    configured, // `credential` is required
    optional,   // `credential` may be absent: some servers accept the id alone
    registered, // from a registration over REST, which also renews it; else `credential`
};

// A key of the configuration section that is named after the protocol.
struct ProtocolSetting {
    enum class Kind : std::uint8_t { text, http_url, secret, whole, duration };
    std::string_view key;
    Kind kind;
    // Bounds of a number, or of a duration in ms; `max` is also the maximum length of text.
    std::int64_t min, max;
    // The default, defined only here; durations in ms. Text and secrets have none.
    std::int64_t fallback;
    std::string_view doc;
};

// A row sets what differs from the defaults below, which most protocols have.
struct ProtocolTraits {
    Protocol protocol;
    // Name in configuration, REST and manifests (key of `aliases`, which map the protocol's words to
    // actions).
    std::string_view name;
    // Empty: as the protocol's document has it. Else a variant found in the field; the name is shared.
    std::string_view dialect = {};

    // ---- authentication ----
    Acceptance acceptance = Acceptance::answer;
    Enrolment enrolment = Enrolment::configured;
    // The hub issues JWTs to its agents, else shared secrets.
    bool jwt = false;
    // Max difference of signed timestamps, and how long nonces are kept; 0: frames are not signed.
    std::chrono::seconds signature_window{0};
    // `{public_ip}` in a server's URL is replaced by this machine's public address.
    bool public_ip_in_url = false;

    // ---- configuration ----
    std::span<const ProtocolSetting> settings = {};
    // Of these settings, the one whose value replaces agent_id, and the one that makes `url` unnecessary;
    // empty: none.
    std::string_view id_setting = {}, url_setting = {};

    // ---- timing; configuration may override it ----
    // Interval of heartbeats, or of WebSocket pings if the protocol has no heartbeat.
    std::chrono::milliseconds heartbeat{30'000};
    // Send a heartbeat as soon as the session is ready.
    bool heartbeat_at_once = false;
    // The server sends protocol pings, which the agent answers with its heartbeat.
    bool server_pings = false;
    // First and longest delay between connection attempts, and their jitter.
    std::chrono::milliseconds backoff{2'000}, backoff_max{30'000};
    double jitter = 0.2;
    // The first retry follows after a random 0 to 1 s.
    bool first_retry_at_once = false;

    // ---- commands ----
    // The protocol's name for host.ping; empty: the action's name. Names of plugins' actions are in their
    // manifests.
    std::string_view ping_word = {};
    // Frame types of the protocol itself, which no command may use.
    std::span<const std::string_view> reserved_words = {};
    // Parameter names that the protocol uses itself.
    std::span<const std::string_view> reserved_params = {};
    // Every agent repeats a command's id in its answer. If false, commands are sent one at a time until the
    // agent is seen to do so.
    bool answers_repeat_id = true;
    // A command may be resent to an agent without a journal: the protocol's commands are repeatable, or all
    // its agents have a journal.
    bool redispatch_safe = false;
    // Has frames for a command's output and for its start.
    bool carries_output = false;

    // ---- behaviour of the server ----
    // The server answers every hello with Welcome, because agents wait for it.
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
// nullptr: unknown protocol, or it does not have this dialect.
const ProtocolTraits* find_traits(std::string_view name, std::string_view dialect = {});

// The names of the matching protocols for messages: "storage, panel or signed".
std::string list_protocols(const std::function<bool(const ProtocolTraits&)>& wanted);

std::string_view name(Protocol);
std::optional<Protocol> protocol(std::string_view name, std::string_view dialect = {});

} // namespace agenthost::wire
