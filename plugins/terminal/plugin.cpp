// The plugin's entry: maps actions to the service's functions.
#include "service.hpp"
#include "user.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <exception>
#include <string>

namespace {

using agenthost::terminal::Config;
using agenthost::terminal::Service;

// terminal-exec is beside this library.
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
    explicit Terminal(agenthost::Context& context)
        : config_json_{context.config()}, service_{context, configuration(context.config())}
    {
        context.on("terminal.run", &service_, &Service::run);
        context.on("terminal.interrupt", &service_, &Service::interrupt);
        context.on("terminal.input", &service_, &Service::input);
        context.on("terminal.resize", &service_, &Service::resize);
        context.on("terminal.list", &service_, &Service::list);
        context.on("terminal.attach", &service_, &Service::attach);
    }
    void start() override { service_.start(); }
    // The constructor has checked the rest; user names may be unknown on this machine.
    void check(agenthost::Check& report) override
    {
        const Config config = configuration(config_json_);
        const auto look = [&](const std::string& key, auto find) {
            try {
                find();
            } catch (const std::exception& e) {
                report.error(key, e.what());
            }
        };
        look("run_as", [&] { (void)agenthost::terminal::default_user(config.run_as); });
        for (std::size_t i = 0; i < config.run_as_allow.size(); ++i)
            look("run_as_allow[" + std::to_string(i) + "]",
                 [&] { (void)agenthost::terminal::find_user(config.run_as_allow[i]); });
        if (!config.shell.empty() && ::access(config.shell.c_str(), X_OK) != 0)
            report.error("shell", config.shell + " is not there or not executable");
        if (::access(config.helper.c_str(), X_OK) != 0)
            report.error("",
                         config.helper + " is not there or not executable. Reinstall the terminal plugin");
    }
    void configure(std::string_view json) override { service_.configure(configuration(json)); }
    void drain() override { service_.drain(); }
    agenthost::Health health() override { return service_.health(); }

private:
    const std::string config_json_; // as created; for check()
    Service service_;
};

} // namespace

AGENTHOST_PLUGIN(Terminal)
