// The entry: actions to the service's functions, and no more.
#include "service.hpp"

#include <dlfcn.h>

#include <exception>
#include <string>

namespace {

using agenthost::terminal::Config;
using agenthost::terminal::Service;

// terminal-exec stands beside this library.
std::string helper()
{
    static const char here = 0;
    Dl_info info{};
    if (::dladdr(&here, &info) == 0 || info.dli_fname == nullptr) return "terminal-exec";
    const std::string library = info.dli_fname;
    return library.substr(0, library.rfind('/') + 1) + "terminal-exec";
}

Config configuration(std::string_view json)
{
    try {
        Config config = agenthost::terminal::parse_config(json);
        config.helper = helper();
        return config;
    } catch (const std::exception& e) {
        throw agenthost::Error{"CONFIG_INVALID", std::string{"plugins.terminal.config."} + e.what()};
    }
}

class Terminal : public agenthost::Plugin {
public:
    explicit Terminal(agenthost::Context& context) : service_{context, configuration(context.config())}
    {
        context.on("terminal.run", &service_, &Service::run);
        context.on("terminal.interrupt", &service_, &Service::interrupt);
        context.on("terminal.input", &service_, &Service::input);
        context.on("terminal.resize", &service_, &Service::resize);
        context.on("terminal.list", &service_, &Service::list);
        context.on("terminal.attach", &service_, &Service::attach);
    }
    void start() override { service_.start(); }
    void configure(std::string_view json) override { service_.configure(configuration(json)); }
    void drain() override { service_.drain(); }
    agenthost::Health health() override { return service_.health(); }

private:
    Service service_;
};

} // namespace

AGENTHOST_PLUGIN(Terminal)
