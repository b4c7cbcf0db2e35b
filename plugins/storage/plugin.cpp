// The entry: actions to the service's functions, and no more.
#include "check.hpp"
#include "service.hpp"

#include <exception>
#include <string>

namespace {

using agenthost::storage::Config;
using agenthost::storage::Service;

Config configuration(agenthost::Context& context)
{
    std::string state{context.state_directory()};
    try {
        return agenthost::storage::parse_config(context.config(), state.empty() ? state : state + "/files");
    } catch (const std::exception& e) {
        throw agenthost::Error{"CONFIG_INVALID", std::string{"plugins.storage.config."} + e.what()};
    }
}

class Storage : public agenthost::Plugin {
public:
    explicit Storage(agenthost::Context& context)
        : config_{configuration(context)}, state_{context.state_directory()}, service_{context, config_}
    {
        context.on("storage.upload", &service_, &Service::upload);
        context.on("storage.download", &service_, &Service::download);
        context.on("storage.delete", &service_, &Service::remove);
        context.on("storage.verify", &service_, &Service::verify);
        context.on("storage.info", &service_, &Service::info);
        context.on("storage.list", &service_, &Service::list);
    }
    void start() override { service_.start(); }
    void check(agenthost::Check& report) override
    {
        agenthost::storage::check_config(config_, state_, report);
    }
    agenthost::Health health() override { return service_.health(); }

private:
    const Config config_;
    const std::string state_; // the state directory; empty: none
    Service service_;
};

} // namespace

AGENTHOST_PLUGIN(Storage)
