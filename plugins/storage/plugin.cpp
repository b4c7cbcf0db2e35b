// The plugin's entry: maps action names to functions.
#include "actions.hpp"
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
        using Action = void (*)(const agenthost::storage::Parts&, agenthost::Request);
        const auto on = [&](const char* name, Action action) {
            context.on(name, [this, action](agenthost::Request request) {
                action(service_.parts(), std::move(request));
            });
        };
        on("storage.upload", agenthost::storage::upload);
        on("storage.download", agenthost::storage::download);
        on("storage.delete", agenthost::storage::remove);
        on("storage.verify", agenthost::storage::verify);
        on("storage.info", agenthost::storage::info);
        on("storage.list", agenthost::storage::list);
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
