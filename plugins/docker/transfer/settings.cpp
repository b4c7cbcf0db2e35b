#include "settings.hpp"

#include "netclient/tls.hpp"

namespace agenthost::docker::transfer {

netclient::HttpOptions http_options(const Settings& settings)
{
    netclient::HttpOptions options;
    options.policy = settings.policy;
    options.ca_file = settings.ca_file;
    options.connect_timeout = settings.connect_timeout;
    options.idle_timeout = settings.idle_timeout;
    options.min_rate = settings.min_rate;
    return options;
}

std::string problem_of_ca(const Settings& settings)
{
    if (settings.ca_file.empty()) return {};
    return netclient::make_client_context({.more_ca = {settings.ca_file}}).problem;
}

} // namespace agenthost::docker::transfer
