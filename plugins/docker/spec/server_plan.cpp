#include "server_plan.hpp"

#include "document.hpp"
#include "egg.hpp"
#include "refusal.hpp"

#include "base/units.hpp"

#include <algorithm>

namespace agenthost::docker {

namespace {

void check_image(const ImageRef& image, const NodePolicy& policy, std::string_view path)
{
    if (policy.images.allows(image)) return;
    refuse(path,
           image.canonical() + " is not allowed on this node. " +
               (policy.images.empty()
                    ? std::string{"allow_images of the docker plugin is empty; add a pattern."}
                    : "Use an image of allow_images (" + policy.images.text() + "), or add a pattern."));
}

std::uint64_t bounded(std::optional<std::uint64_t> asked, std::uint64_t otherwise, std::uint64_t max,
                      const char* path)
{
    const std::uint64_t value = asked.value_or(otherwise);
    // 0 asks for no limit, which only a node without a bound can give.
    if (max != 0 && (value > max || value == 0))
        refuse(path,
               "is more than this node gives to one server: " + base::format_size(max) + ". Ask for less.");
    return value;
}

void check_address(const PortMapping& port, const NodePolicy& policy)
{
    const auto& allowed = policy.addresses;
    if (std::find(allowed.begin(), allowed.end(), *port.bind) != allowed.end()) return;
    std::string list;
    for (const auto& address : allowed) list += (list.empty() ? "" : ", ") + address.text();
    refuse(port.path,
           "address " + port.bind->text() + " is not one of bind_addresses of this node (" + list + ").");
}

std::vector<PortMapping> admit_ports(std::vector<PortMapping> ports, const NodePolicy& policy)
{
    for (std::size_t i = 0; i < ports.size(); ++i) {
        PortMapping& port = ports[i];
        if (!port.bind) port.bind = policy.addresses.front();
        check_address(port, policy);
        const bool in_range =
            std::any_of(policy.ports.begin(), policy.ports.end(), [&](const PortRange& range) {
                return port.host >= range.first && port.host <= range.last;
            });
        if (!in_range) {
            std::string list;
            for (const PortRange& range : policy.ports)
                list += (list.empty() ? "" : ", ") + std::to_string(range.first) + "-" +
                        std::to_string(range.last);
            refuse(port.path, "port " + std::to_string(port.host) +
                                  " is not within the ports of this node (" + list + ").");
        }
        for (std::size_t j = 0; j < i; ++j) {
            const PortMapping& other = ports[j];
            const bool same_address = *other.bind == *port.bind || other.bind->any() || port.bind->any();
            if (other.host == port.host && other.transport == port.transport && same_address)
                refuse(port.path,
                       "host port " + std::to_string(port.host) + " is used twice. Choose another.");
        }
    }
    return ports;
}

void set_default(Environment& environment, const std::string& name, std::string value)
{
    environment.emplace(name, std::move(value));
}

Environment environment_of(const ServerSpec& spec, const NodePolicy& policy, std::uint64_t memory)
{
    Environment environment = spec.environment;
    const std::uint64_t mib = memory / 100 * (100 - policy.memory_headroom) >> 20;
    set_default(environment, "SERVER_MEMORY", std::to_string(std::max<std::uint64_t>(mib, 1)));
    set_default(environment, "SERVER_IP", "0.0.0.0");
    if (!spec.ports.empty())
        set_default(environment, "SERVER_PORT", std::to_string(spec.ports.front().container));
    set_default(environment, "P_SERVER_UUID", spec.id);
    set_default(environment, "HOME", policy.mount_point);
    return environment;
}

std::vector<std::string> lines_of(const Environment& environment)
{
    std::vector<std::string> lines;
    for (const auto& [name, value] : environment) {
        std::string line = name;
        line += '=';
        line += value;
        lines.push_back(std::move(line));
    }
    return lines;
}

void plan_startup(const Startup& startup, const TemplateValues& values, ContainerPlan& plan)
{
    constexpr std::string_view path = "startup";
    std::vector<std::string> arguments;
    for (const std::string& argument : startup.argv) arguments.push_back(fill(argument, values, path));
    if (!startup.argv.empty() && arguments.front().empty())
        refuse(path, "names no program. Write it as the first argument.");
    if (startup.shell && startup.line.empty())
        refuse(path, "is missing, but shell is true. Write the line for the shell.");
    if (startup.shell)
        arguments = {"/bin/sh", "-c", fill_shell(startup.line, values, path)};
    else if (!startup.line.empty())
        arguments = fill_arguments(startup.line, values, path);
    if (arguments.empty()) return;
    // The engine takes [""] as "no entrypoint", so the program is the entrypoint and its arguments the
    // command.
    plan.entrypoint.assign(arguments.begin(), arguments.begin() + 1);
    plan.command.assign(arguments.begin() + 1, arguments.end());
}

std::vector<ConfigFile> fill_files(std::vector<ConfigFile> files, const TemplateValues& values)
{
    for (ConfigFile& file : files)
        for (ConfigEdit& edit : file.edits) {
            if (!edit.quoted) continue;
            const std::string path = member_path(member_path("files", file.file), edit.where);
            edit.value = fill(edit.value, values, path);
        }
    return files;
}

ContainerPlan plan_installer(const ServerSpec& spec, const NodePolicy& policy, const ServerPlan& plan,
                             Environment environment)
{
    ContainerPlan installer = plan.server;
    installer.name = installer_name(spec.id);
    installer.installer = true;
    installer.image = spec.installer->image.canonical();
    installer.entrypoint = {spec.installer->entrypoint};
    installer.command = {"/mnt/install/install.sh"};
    // The server's home does not exist here; scripts write caches to HOME.
    if (spec.environment.find("HOME") == spec.environment.end()) environment["HOME"] = "/tmp";
    installer.environment = lines_of(environment);
    installer.ports.clear();
    installer.binds = {{plan.data_folder, "/mnt/server"},
                       {plan.install_folder + "/script", "/mnt/install", true},
                       {plan.install_folder + "/tmp", "/tmp"}};
    installer.tmpfs = false;
    installer.working_dir = "/mnt/server";
    installer.stop_signal = "SIGTERM";
    installer.network = policy.installer_network;
    return installer;
}

} // namespace

std::string container_name(std::string_view id) { return "agenthost-" + std::string{id}; }
std::string installer_name(std::string_view id) { return container_name(id) + "_installer"; }

ServerPlan plan_server(const ServerSpec& spec, const NodePolicy& policy)
{
    check_server_id(spec.id, "serverId");
    check_image(spec.image, policy, "image");
    ServerPlan plan;
    plan.data_folder = policy.data_dir + "/" + spec.id;
    plan.install_folder = policy.data_dir + "/.install/" + spec.id;
    plan.disk = bounded(spec.limits.disk, policy.default_disk, policy.max_disk, "limits.disk");

    ContainerPlan& server = plan.server;
    server.name = container_name(spec.id);
    server.server_id = spec.id;
    server.image = spec.image.canonical();
    server.memory = bounded(spec.limits.memory, policy.default_memory, policy.max_memory, "limits.memory");
    server.nano_cpus = spec.limits.nano_cpus.value_or(policy.default_nano_cpus);
    if (policy.max_nano_cpus != 0 && server.nano_cpus > policy.max_nano_cpus)
        refuse("limits.cpu", "is more than this node gives to one server: " +
                                 std::to_string(policy.max_nano_cpus / 10'000'000) + "%. Ask for less.");
    server.processes = spec.limits.processes.value_or(policy.default_processes);
    if (server.processes > policy.max_processes)
        refuse("limits.pids", "is more than this node gives to one server: " +
                                  std::to_string(policy.max_processes) + ". Ask for less.");
    server.io_weight = spec.limits.io_weight;
    server.ports = admit_ports(spec.ports, policy);
    server.binds = {{plan.data_folder, policy.mount_point}};
    server.working_dir = policy.mount_point;
    server.stop_signal = spec.stop.signal;
    server.network = policy.network;

    const Environment environment = environment_of(spec, policy, server.memory);
    const Environment settings{{"config.docker.interface", policy.interface},
                               {"config.docker.network.interface", policy.interface},
                               {"server.uuid", spec.id}};
    const TemplateValues values{environment, settings};
    server.environment = lines_of(environment);
    plan_startup(spec.startup, values, server);
    plan.files = fill_files(spec.files, values);
    if (spec.installer) {
        check_image(spec.installer->image, policy, "install.image");
        plan.install_script = spec.installer->script;
        plan.installer = plan_installer(spec, policy, plan, environment);
    }
    return plan;
}

} // namespace agenthost::docker
