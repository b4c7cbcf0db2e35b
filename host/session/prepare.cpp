#include "prepare.hpp"

#include "host/session/auth/nonces.hpp"
#include "host/session/auth/public_ip.hpp"
#include "host/session/resolve.hpp"
#include "host/session/utc.hpp"
#include "netclient/network.hpp"
#include "netclient/url.hpp"

#include <algorithm>
#include <cstring>

namespace agenthost::host {
namespace {

using boost::asio::ip::tcp;

// The name or value would break out of its header line, or the name is invalid.
bool bad_header(const std::pair<const std::string, std::string>& header)
{
    const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
    const auto not_in_name = [&](char c) {
        return control(c) || c == ' ' || c == ':' || static_cast<unsigned char>(c) >= 0x80;
    };
    return header.first.empty() || std::any_of(header.first.begin(), header.first.end(), not_in_name) ||
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

// TLS and the proxy, of the session and of REST calls.
std::string prepare_network(const ServerConfig& config, HttpCall& call)
{
    if (netclient::scheme_of(config.url) != "ws" || registration_setup(config)) { // as tls_in_use()
        auto tls = netclient::make_client_context(config.tls);
        if (!tls.context) return tls.problem;
        call.tls = std::move(tls.context);
    }
    if (config.proxy.empty()) return {};
    std::string why;
    call.proxy = netclient::parse_proxy(config.proxy, why);
    if (!call.proxy) return "proxy: " + why;
    call.no_proxy = netclient::environment_no_proxy(why); // the daemon has logged why it may be empty
    return {};
}

void prepare_addresses(const ServerConfig& config, Prepared& made)
{
    const auto [host, port] =
        made.proxy ? std::pair{made.proxy->host, made.proxy->port} : std::pair{made.url.host, made.url.port};
    const auto found = look_up(host, port, made.proxy ? "proxy" : "url", made.problem);
    for (const netclient::Address& address : found) {
        tcp::endpoint& endpoint = made.addresses.emplace_back();
        std::memcpy(endpoint.data(), &address.storage,
                    std::min<std::size_t>(address.size, endpoint.capacity()));
        endpoint.resize(address.size);
    }
    const bool exposed = !made.url.tls && (made.proxy || !netclient::all_loopback(found));
    if (made.problem.empty() && exposed && !config.insecure)
        made.problem = "url " + made.shown_url + " would send the credential in clear text" +
                       (made.proxy ? " to the proxy" : "") + ". Use wss://, or set `insecure: true`";
}

} // namespace

Prepared prepare(const PrepareRequest& request)
{
    const ServerConfig& config = request.config;
    Prepared made;
    HttpCall call;
    made.problem = check_headers(config);
    if (made.problem.empty()) made.problem = prepare_network(config, call);
    if (!made.problem.empty()) return made;

    static_cast<Identity&>(made) = identify(request, call);
    if (!made.problem.empty()) return made;
    std::string url = config.url.empty() ? made.registered_url : config.url;
    if (url.find(public_ip_placeholder) != std::string::npos) {
        const auto address = public_ip(made.problem);
        if (!address) return made;
        url = with_public_ip(std::move(url), *address);
    }
    made.shown_url = netclient::shown_url(url);
    std::string wrong;
    const auto parsed = netclient::parse_server_url(url, wrong);
    if (!parsed) {
        made.problem = "url " + made.shown_url + ": " + wrong;
        return made;
    }
    made.url = *parsed;
    if (!netclient::in_no_proxy(call.no_proxy, made.url)) made.proxy = std::move(call.proxy);
    if (made.url.tls) made.tls = std::move(call.tls);
    prepare_addresses(config, made);
    if (request.nonces) {
        std::string why;
        const StateFile file{request.state_dir, config.name, "nonces"};
        if (auto bytes = file.read(why, Nonces::max_bytes)) made.nonces = std::move(*bytes);
        if (!why.empty() && made.problem.empty())
            // Without them a captured command could run again.
            made.problem = why;
    }
    return made;
}

std::string refresh_if_due(const PrepareRequest& request, std::int64_t& refreshed_at)
{
    if (!registration_setup(request.config)) return {};
    HttpCall call;
    if (auto problem = prepare_network(request.config, call); !problem.empty()) return problem;
    return refresh_registration(request, call, refreshed_at);
}

Registrar::Answer register_by_hand(const ServerConfig& config, const std::string& state_dir,
                                   const std::string& capabilities)
{
    if (!registration_setup(config)) return {Registrar::Outcome::failed, why_not_registered(config), {}};
    HttpCall call;
    if (auto problem = prepare_network(config, call); !problem.empty())
        return {Registrar::Outcome::failed, problem, {}};
    return register_again({.config = config, .state_dir = state_dir, .capabilities = capabilities}, call);
}

} // namespace agenthost::host
