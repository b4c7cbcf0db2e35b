// The plugin's entry: maps actions to the service's functions.
#include "service/service.hpp"

#include <exception>
#include <string>

namespace {

using agenthost::printer::service::Config;
using agenthost::printer::service::Service;

Config configuration(const agenthost::Context& context)
{
    try {
        return agenthost::printer::service::parse_config(context.config());
    } catch (const std::exception& e) {
        throw agenthost::Error{"CONFIG_INVALID", std::string{"plugins.printer.config."} + e.what()};
    }
}

class PrinterPlugin : public agenthost::Plugin {
public:
    explicit PrinterPlugin(agenthost::Context& context) : service_{context, configuration(context)}
    {
        context.on("printer.print", &service_, &Service::print);
        context.on("printer.test", &service_, &Service::test);
        context.on("printer.drawer", &service_, &Service::drawer);
        context.on("printer.cut", &service_, &Service::cut);
        context.on("printer.status", &service_, &Service::status);
        context.on("printer.list", &service_, &Service::list);
        context.on("printer.config", &service_, &Service::config);
        context.on("printer.queue", &service_, &Service::queue);
        context.on("printer.cancel", &service_, &Service::cancel);
        context.on("printer.reprint", &service_, &Service::reprint);
        context.on("printer.render", &service_, &Service::render);
    }
    void start() override { service_.start(); }
    void drain() override { service_.drain(); }
    agenthost::Health health() override { return service_.health(); }

private:
    Service service_;
};

} // namespace

AGENTHOST_PLUGIN(PrinterPlugin)
