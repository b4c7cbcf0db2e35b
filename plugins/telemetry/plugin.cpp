// The plugin's entry: maps actions to the service's functions.
#include "service.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
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
    explicit Telemetry(agenthost::Context& context)
        : config_{configuration(context)}, service_{context, config_}
    {
        context.on("telemetry.health_check", &service_, &Service::health_check);
        context.on("telemetry.status", &service_, &Service::status);
        context.on("telemetry.version", &service_, &Service::version);
        context.on("telemetry.machine_id", &service_, &Service::machine_id);
        context.on("telemetry.metrics", &service_, &Service::metrics);
        context.on("telemetry.logs", &service_, &Service::logs);
    }
    void start() override { service_.start(); }
    // A missing log file is followed once it exists, so this is a warning, not an error.
    void check(agenthost::Check& report) override
    {
        for (std::size_t i = 0; i < config_.logs.size(); ++i)
            if (const std::string& path = config_.logs[i].path; ::access(path.c_str(), R_OK) != 0)
                report.warning("logs[" + std::to_string(i) + "].path", path + ": " + std::strerror(errno));
        if (::access(config_.disk.c_str(), F_OK) != 0)
            report.error("disk",
                         config_.disk + ": " + std::strerror(errno) + ". Name a folder on the disk to watch");
    }
    agenthost::Health health() override { return service_.health(); }

private:
    const Config config_;
    Service service_;
};

} // namespace

AGENTHOST_PLUGIN(Telemetry)
