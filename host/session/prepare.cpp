#include "prepare.hpp"

#include "base/hash.hpp"
#include "host/config/protocol_settings.hpp"
#include "host/session/auth/nonces.hpp"
#include "host/session/auth/public_ip.hpp"
#include "host/session/resolve.hpp"
#include "host/session/world.hpp"

#include <algorithm>

namespace agenthost::host {
namespace {

using boost::asio::ip::tcp;
using Outcome = Registrar::Outcome;

// Something that would end a header line early, or is no name.
bool bad_header(const std::pair<const std::string, std::string>& header)
{
    const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
    const auto no_name = [&](char c) {
        return control(c) || c == ' ' || c == ':' || static_cast<unsigned char>(c) >= 0x80;
    };
    return header.first.empty() || std::any_of(header.first.begin(), header.first.end(), no_name) ||
           std::any_of(header.second.begin(), header.second.end(), control);
}

std::string check_headers(const ServerConfig& config)
{
    for (const auto& header : config.headers)
        if (bad_header(header))
            return "headers: " + header.first.substr(0, 64) +
                   " is not a header name, or its value has control characters";
    return {};
}

// TLS and the proxy, for whoever connects.
std::string prepare_way(const ServerConfig& config, HttpCall& way)
{
    if (!config.url.starts_with("ws://") || registration_setup(config)) {
        auto tls = net::make_client_context(config.tls);
        if (!tls.context) return tls.problem;
        way.tls = std::move(tls.context);
    }
    if (config.proxy.empty()) return {};
    std::string why;
    way.proxy = parse_proxy(config.proxy, why);
    return why;
}

struct Registered {
    Registrar::Answer answer;
    bool renewable = true;
    std::string notice;
};

// The stored registration, renewed when that is asked for or due.
Registered registered(const PrepareRequest& request, const Registrar& registrar)
{
    Registered out;
    const base::FileLock alone = registrar.lock();
    const auto stored = registrar.load(out.answer.problem);
    if (!out.answer.problem.empty()) return out;
    if (!stored || request.renewal >= 2) {
        out.answer = registrar.register_agent(request.capabilities);
        out.renewable = false; // it was the last way
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
    out.answer = {Outcome::done, {}, *stored}; // may be good for a while; when it is not, the server says so
    return out;
}

bool prepare_identity(const PrepareRequest& request, const HttpCall& way, std::string& url, Prepared& made)
{
    const ServerConfig& config = request.config;
    if (const auto setup = registration_setup(config)) {
        Registered got = registered(request, Registrar{request.state_dir, config, *setup, way});
        made.notice = std::move(got.notice);
        if (got.answer.outcome != Outcome::done) {
            made.problem = std::move(got.answer.problem);
            made.refused = got.answer.outcome == Outcome::refused;
            made.renewable = got.renewable;
            return false;
        }
        Registration& registration = got.answer.registration;
        if (url.empty()) url = registration.websocket_url;
        if (url.empty()) {
            made.problem =
                "servers[" + config.name +
                "] has no url, and the registration named none of the same host and scheme; add url: "
                "wss://HOST/PATH";
            return false;
        }
        made.agent_id = std::move(registration.agent_id);
        made.credential = std::move(registration.token);
        made.refreshed_at = registration.refreshed_at;
        return true;
    }
    if (config.credential.kind == SecretSource::Kind::none) {
        const wire::ProtocolTraits* traits = traits_of(config);
        if (traits != nullptr && traits->enrolment == wire::Enrolment::optional) return true;
        made.problem = "servers[" + config.name + "] has no credential; add `credential: {file: PATH}`";
        return false;
    }
    auto credential = read_secret(config.credential, made.problem);
    if (!credential) return false;
    made.credential = std::move(*credential);
    return true;
}

void prepare_addresses(const ServerConfig& config, Prepared& made)
{
    const auto [host, port] =
        made.proxy ? std::pair{made.proxy->host, made.proxy->port} : std::pair{made.url.host, made.url.port};
    made.addresses = look_up(host, port, made.proxy ? "proxy" : "url", made.problem);
    const bool exposed = !made.url.tls && (made.proxy || !all_loopback(made.addresses));
    if (made.problem.empty() && exposed && !config.insecure)
        made.problem = "url " + made.shown_url + " would send the credential in clear text" +
                       (made.proxy ? " to the proxy" : "") + ". Use wss://, or set `insecure: true`";
}

std::string no_registration(const ServerConfig& config)
{
    const std::string start = "server " + config.name + " has no registration: ";
    const auto registers = [](const wire::ProtocolTraits& row) {
        return row.enrolment == wire::Enrolment::registered;
    };
    if (const wire::ProtocolTraits* row = traits_of(config); row != nullptr && registers(*row))
        return start + "set " + std::string{row->name} + "." + std::string{row->url_setting};
    const auto rows = wire::protocols();
    const auto with = std::find_if(rows.begin(), rows.end(), registers);
    return start + "only servers of the " + std::string{with == rows.end() ? "" : with->name} +
           " protocol have one, and it speaks " + config.protocol;
}

} // namespace

Prepared prepare(const PrepareRequest& request)
{
    const ServerConfig& config = request.config;
    Prepared made;
    HttpCall way;
    made.problem = check_headers(config);
    if (made.problem.empty()) made.problem = prepare_way(config, way);
    if (!made.problem.empty()) return made;

    std::string url = config.url;
    if (!prepare_identity(request, way, url, made)) return made;
    if (url.find(public_ip_word) != std::string::npos) {
        const auto address = public_ip(made.problem);
        if (!address) return made;
        url = with_public_ip(std::move(url), *address);
    }
    made.shown_url = shown_url(url);
    const auto parsed = parse_url(url, made.problem);
    if (!parsed) return made;
    made.url = *parsed;
    made.proxy = std::move(way.proxy);
    if (made.url.tls) made.tls = std::move(way.tls);
    prepare_addresses(config, made);
    if (request.nonces) {
        std::string why;
        const StateFile file{request.state_dir, config.name, "nonces"};
        if (auto bytes = file.read(why, Nonces::most_bytes)) made.nonces = std::move(*bytes);
        if (!why.empty() && made.problem.empty())
            made.problem = why; // without them a captured command could run again
    }
    return made;
}

std::string refresh_if_due(const PrepareRequest& request, std::int64_t& refreshed_at)
{
    const auto setup = registration_setup(request.config);
    if (!setup) return {};
    HttpCall way;
    if (auto problem = prepare_way(request.config, way); !problem.empty()) return problem;
    const Registrar registrar{request.state_dir, request.config, *setup, way};
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

Registrar::Answer register_by_hand(const ServerConfig& config, const std::string& state_dir,
                                   const std::string& capabilities)
{
    const auto setup = registration_setup(config);
    if (!setup) return {Outcome::failed, no_registration(config), {}};
    HttpCall way;
    if (auto problem = prepare_way(config, way); !problem.empty()) return {Outcome::failed, problem, {}};
    const Registrar registrar{state_dir, config, *setup, way};
    const base::FileLock alone = registrar.lock();
    return registrar.register_agent(capabilities);
}

std::string secret_print(const SecretSource& source)
{
    std::string ignored;
    const auto secret = read_secret(source, ignored);
    return secret ? base::hex(base::sha256(*secret)) : std::string{};
}

} // namespace agenthost::host
