// The plugin's entry: maps actions to the service's functions.
#include "service/check.hpp"
#include "service/service.hpp"

#include <exception>
#include <string>

namespace {

using agenthost::docker::service::Config;
using agenthost::docker::service::Service;

Config configuration(const agenthost::Context& context)
{
    try {
        return agenthost::docker::service::parse_config(context.config());
    } catch (const std::exception& e) {
        throw agenthost::Error{"CONFIG_INVALID", std::string{"plugins.docker.config."} + e.what()};
    }
}

class Docker : public agenthost::Plugin {
public:
    explicit Docker(agenthost::Context& context) : config_{configuration(context)}, service_{context, config_}
    {
        context.on("docker.create_server", &service_, &Service::create_server);
        context.on("docker.start_server", &service_, &Service::start_server);
        context.on("docker.stop_server", &service_, &Service::stop_server);
        context.on("docker.restart_server", &service_, &Service::restart_server);
        context.on("docker.kill_server", &service_, &Service::kill_server);
        context.on("docker.delete_server", &service_, &Service::delete_server);
        context.on("docker.reinstall_server", &service_, &Service::reinstall_server);
        context.on("docker.get_status", &service_, &Service::get_status);
        context.on("docker.list_servers", &service_, &Service::list_servers);
        context.on("docker.send_command", &service_, &Service::send_command);
        context.on("docker.get_logs", &service_, &Service::get_logs);
        context.on("docker.image_pull", &service_, &Service::image_pull);
        for (const char* action :
             {"docker.list_files", "docker.get_file", "docker.write_file", "docker.rename_file",
              "docker.copy_file", "docker.delete_file", "docker.make_directory", "docker.chmod_file",
              "docker.archive_files", "docker.extract_archive"})
            context.on(action, &service_, &Service::file_action);
    }
    void start() override { service_.start(); }
    void check(agenthost::Check& report) override { agenthost::docker::service::check(config_, report); }
    void drain() override { service_.drain(); }
    agenthost::Health health() override { return service_.health(); }

private:
    const Config config_;
    Service service_;
};

} // namespace

AGENTHOST_PLUGIN(Docker)
