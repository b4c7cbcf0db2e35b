#include "session_options.hpp"

#include "netclient/url.hpp"

#include <random>
#include <utility>

namespace agenthost::host {

wire::SessionMachine::Options machine_options(const ServerConfig& config, const wire::ProtocolTraits* traits)
{
    wire::SessionMachine::Options options;
    wire::Backoff& backoff = options.backoff;
    if (traits) {
        options.acceptance = traits->acceptance;
        backoff.initial = traits->backoff;
        backoff.max = traits->backoff_max;
        backoff.jitter = traits->jitter;
        backoff.first_at_once = traits->first_retry_at_once && !config.reconnect.initial;
    }
    if (registration_setup(config)) options.renewals = 2;
    const ReconnectConfig& configured = config.reconnect;
    backoff.initial = configured.initial.value_or(backoff.initial);
    backoff.max = configured.max.value_or(backoff.max);
    backoff.factor = configured.factor.value_or(backoff.factor);
    backoff.jitter = configured.jitter.value_or(backoff.jitter);
    backoff.random = [engine = std::mt19937{std::random_device{}()}]() mutable {
        return std::uniform_real_distribution<double>{0, 1}(engine);
    };
    return options;
}

Policy policy_of(const ServerConfig& config)
{
    Policy policy;
    policy.name = config.name;
    policy.protocol = config.protocol;
    policy.agent_id = config.agent_id;
    policy.allow = config.allow;
    policy.map = config.map;
    policy.messages_per_second = config.limits.messages_per_second;
    policy.in_flight = config.limits.in_flight;
    policy.memory = config.limits.memory;
    policy.cancel_grace = config.limits.cancel_grace;
    return policy;
}

bool signs(const wire::ProtocolTraits* traits)
{
    return traits && traits->signature_window > std::chrono::seconds{0};
}

std::chrono::milliseconds refresh_interval(const ServerConfig& config)
{
    const auto setup = registration_setup(config);
    return setup ? std::chrono::milliseconds{setup->refresh} : std::chrono::milliseconds{0};
}

netclient::TlsClientConfig tls_in_use(const ServerConfig& config)
{
    return netclient::scheme_of(config.url) != "ws" || registration_setup(config)
               ? config.tls
               : netclient::TlsClientConfig{};
}

std::string shown_url(const ServerConfig& config)
{
    const auto setup = registration_setup(config);
    std::string url = netclient::shown_url(config.url);
    return url.empty() && setup ? netclient::shown_url(setup->register_url) : url;
}

Link::Options link_options(const ServerConfig& config, Prepared made, wire::Opening opening,
                           const std::string& version)
{
    Link::Options options;
    options.url = std::move(made.url);
    if (!opening.query.empty())
        options.url.target += (options.url.target.find('?') == std::string::npos ? "?" : "&") + opening.query;
    options.headers = std::move(opening.headers);
    options.headers.insert(options.headers.end(), config.headers.begin(), config.headers.end());
    options.addresses = std::move(made.addresses);
    options.proxy = std::move(made.proxy);
    options.tls = std::move(made.tls);
    options.message_bytes = config.limits.message_bytes;
    options.user_agent = "agenthost/" + version;
    options.compress = config.compress;
    return options;
}

HttpCall date_call(const ServerConfig& config, const Prepared& made)
{
    return {.url = made.url.origin(),
            .tls = made.tls,
            .proxy = made.proxy,
            .insecure = config.insecure,
            .head_only = true,
            // It has just accepted a connection.
            .connect_timeout = std::chrono::seconds{1},
            .answer_timeout = std::chrono::seconds{2}};
}

} // namespace agenthost::host
