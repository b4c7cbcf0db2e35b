#include "codec.hpp"

#include "wire/dashboard/dashboard.hpp"
#include "wire/panel/panel.hpp"
#include "wire/print/print.hpp"
#include "wire/signed/signed.hpp"
#include "wire/storage/storage.hpp"

#include <array>

namespace agenthost::wire {
namespace {

constexpr std::array<std::string_view, 5> names{"storage", "panel", "print", "dashboard",
                                                "signed"}; // in the order of Protocol

} // namespace

std::string_view name(Protocol protocol) { return names[static_cast<std::size_t>(protocol)]; }

std::optional<Protocol> protocol(std::string_view name)
{
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) return static_cast<Protocol>(i);
    }
    return std::nullopt;
}

const Habits& habits(Protocol protocol)
{
    using namespace std::chrono_literals;
    // dashboard: 30 s beats, dead after 60; print 2 to 30 s; signed to 60 s. NOTES.md fills the gaps.
    static constexpr std::array<Habits, 5> table{{
        {Acceptance::answer, 30s, 2s, 30s, 0.2, false},
        {Acceptance::upgrade, 30s, 2s, 30s, 0.2, false},
        {Acceptance::upgrade, 30s, 2s, 30s, 0.2, false},
        {Acceptance::answer, 30s, 1s, 30s, 0.2, true},
        {Acceptance::silence, 30s, 2s, 60s, 0.2, false},
    }};
    return table[static_cast<std::size_t>(protocol)];
}

std::unique_ptr<AgentCodec> agent_codec(Protocol protocol, AgentSetup setup)
{
    switch (protocol) {
    case Protocol::storage: return std::make_unique<StorageAgentCodec>();
    case Protocol::panel: return make_panel_agent(std::move(setup));
    case Protocol::print: return make_print_agent(std::move(setup));
    case Protocol::dashboard: return make_dashboard_agent(std::move(setup));
    case Protocol::signed_: return make_signed_agent(std::move(setup));
    }
    return nullptr;
}

std::unique_ptr<ServerCodec> server_codec(Protocol protocol, ServerSetup setup)
{
    switch (protocol) {
    case Protocol::storage: return std::make_unique<StorageServerCodec>();
    case Protocol::panel: return make_panel_server(std::move(setup));
    case Protocol::print: return make_print_server(std::move(setup));
    case Protocol::dashboard: return make_dashboard_server(std::move(setup));
    case Protocol::signed_: return make_signed_server(std::move(setup));
    }
    return nullptr;
}

} // namespace agenthost::wire
