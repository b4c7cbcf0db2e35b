// The entry: actions to the service's functions, and no more.
#include "service.hpp"

#include <exception>
#include <string>

namespace {

using agenthost::telemetry::Config;
using agenthost::telemetry::Service;

Config configuration(const agenthost::Context& context)
{
    try {
        return agenthost::telemetry::parse_config(context.config());
    } catch (const std::exception& e) {
        throw agenthost::Error{"CONFIG_INVALID", std::string{"plugins.telemetry.config."} + e.what()};
    }
}

class Telemetry : public agenthost::Plugin {
public:
    explicit Telemetry(agenthost::Context& context) : service_{context, configuration(context)}
    {
        context.on("telemetry.health_check", &service_, &Service::health_check);
        context.on("telemetry.status", &service_, &Service::status);
        context.on("telemetry.version", &service_, &Service::version);
        context.on("telemetry.machine_id", &service_, &Service::machine_id);
        context.on("telemetry.metrics", &service_, &Service::metrics);
        context.on("telemetry.logs", &service_, &Service::logs);
    }
    void start() override { service_.start(); }
    agenthost::Health health() override { return service_.health(); }

private:
    Service service_;
};

} // namespace

AGENTHOST_PLUGIN(Telemetry)
