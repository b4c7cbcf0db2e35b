#include "identity.hpp"

#include "base/hash.hpp"
#include "host/config/protocol_settings.hpp"
#include "host/session/utc.hpp"

#include <algorithm>

namespace agenthost::host {
namespace {

using Outcome = Registrar::Outcome;

struct Registered {
    Registrar::Answer answer;
    bool renewable = true;
    std::string notice;
};

// Returns the stored registration, renewed if requested or due.
Registered registered(const IdentityRequest& request, const Registrar& registrar)
{
    Registered out;
    const base::FileLock alone = registrar.lock();
    const auto stored = registrar.load(out.answer.problem);
    if (!out.answer.problem.empty()) return out;
    if (!stored || request.renewal >= 2) {
        out.answer = registrar.register_agent(request.capabilities);
        // There is no other way to renew.
        out.renewable = false;
        return out;
    }
    const bool due = registrar.due(*stored, utc_now_ms());
    if (request.renewal == 0 && (!due || stored->refresh_token.empty())) {
        out.answer = {Outcome::done, {}, *stored};
        return out;
    }
    out.answer = registrar.refresh(*stored);
    if (out.answer.outcome == Outcome::done || request.renewal > 0) return out;
    out.notice = "the daily refresh of its token failed: " + out.answer.problem;
    // It may still be valid; if not, the server refuses it.
    out.answer = {Outcome::done, {}, *stored};
    return out;
}

Identity from_registration(const IdentityRequest& request, const RegistrationSetup& setup,
                           const HttpCall& network)
{
    Identity made;
    Registered got = registered(request, Registrar{request.state_dir, request.config, setup, network});
    made.notice = std::move(got.notice);
    if (got.answer.outcome != Outcome::done) {
        made.problem = std::move(got.answer.problem);
        made.refused = got.answer.outcome == Outcome::refused;
        made.renewable = got.renewable;
        return made;
    }
    Registration& registration = got.answer.registration;
    if (request.config.url.empty() && registration.websocket_url.empty()) {
        made.problem = "servers[" + request.config.name +
                       "] has no url, and the registration named none of the same host and scheme; add url: "
                       "wss://HOST/PATH";
        return made;
    }
    made.registered_url = std::move(registration.websocket_url);
    made.agent_id = std::move(registration.agent_id);
    made.credential = std::move(registration.token);
    made.refreshed_at = registration.refreshed_at;
    return made;
}

bool registers(const wire::ProtocolTraits& row) { return row.enrolment == wire::Enrolment::registered; }

} // namespace

Identity identify(const IdentityRequest& request, const HttpCall& network)
{
    const ServerConfig& config = request.config;
    if (const auto setup = registration_setup(config)) return from_registration(request, *setup, network);
    Identity made;
    if (config.credential.kind == SecretSource::Kind::none) {
        const wire::ProtocolTraits* row = traits_of(config);
        if (row == nullptr || row->enrolment != wire::Enrolment::optional)
            made.problem = "servers[" + config.name + "] has no credential; add `credential: {file: PATH}`";
        return made;
    }
    if (auto credential = read_secret(config.credential, made.problem))
        made.credential = std::move(*credential);
    return made;
}

std::string refresh_registration(const IdentityRequest& request, const HttpCall& network,
                                 std::int64_t& refreshed_at)
{
    const auto setup = registration_setup(request.config);
    if (!setup) return {};
    const Registrar registrar{request.state_dir, request.config, *setup, network};
    std::string why;
    const base::FileLock alone = registrar.lock();
    const auto stored = registrar.load(why);
    if (!stored) return why;
    refreshed_at = stored->refreshed_at;
    if (!registrar.due(*stored, utc_now_ms()) || stored->refresh_token.empty()) return {};
    const auto answer = registrar.refresh(*stored);
    if (answer.outcome != Outcome::done) return answer.problem;
    refreshed_at = answer.registration.refreshed_at;
    return {};
}

Registrar::Answer register_again(const IdentityRequest& request, const HttpCall& network)
{
    const auto setup = registration_setup(request.config);
    if (!setup) return {Outcome::failed, why_not_registered(request.config), {}};
    const Registrar registrar{request.state_dir, request.config, *setup, network};
    const base::FileLock alone = registrar.lock();
    return registrar.register_agent(request.capabilities);
}

std::string why_not_registered(const ServerConfig& config)
{
    const std::string start = "server " + config.name + " has no registration: ";
    if (const wire::ProtocolTraits* row = traits_of(config); row != nullptr && registers(*row))
        return start + "set " + std::string{row->name} + "." + std::string{row->url_setting};
    const auto rows = wire::protocols();
    const auto with = std::find_if(rows.begin(), rows.end(), registers);
    return start + "only servers of the " + std::string{with == rows.end() ? "" : with->name} +
           " protocol have one, and it speaks " + config.protocol;
}

std::string secret_print(const SecretSource& source, std::string* why)
{
    std::string ignored;
    const auto secret = read_secret(source, why != nullptr ? *why : ignored);
    return secret ? base::hex(base::sha256(*secret)) : std::string{};
}

} // namespace agenthost::host
