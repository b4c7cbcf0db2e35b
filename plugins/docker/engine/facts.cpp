#include "facts.hpp"

#include "base/json_depth.hpp"
#include "json_read.hpp"
#include "netclient/url.hpp"
#include "stamp.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace agenthost::docker::engine {

namespace {

using nlohmann::json;

json parsed(std::string_view text) { return base::parse_json<json>(text); }

std::vector<std::string> texts(const json& list)
{
    std::vector<std::string> out;
    if (list.is_string()) out.push_back(text_of(list));
    if (!list.is_array()) return out;
    for (const auto& one : list)
        if (one.is_string()) out.push_back(text_of(one));
    return out;
}

std::vector<std::string> read_warnings(const json& root)
{
    std::vector<std::string> out;
    for (const auto& warning : texts(member(root, "Warnings")))
        out.push_back(netclient::printable(warning, 1024));
    return out;
}

Labels read_labels(const json& object)
{
    Labels out;
    if (object.is_object())
        for (const auto& [key, value] : object.items()) out.emplace(key, text_of(value));
    return out;
}

std::uint16_t port_number(std::int64_t number)
{
    return number > 0 && number <= 65535 ? static_cast<std::uint16_t>(number) : 0;
}

std::uint16_t port_number(std::string_view text)
{
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

// {"25565/tcp": [{"HostIp": "0.0.0.0", "HostPort": "25565"}]}
std::vector<Port> read_port_map(const json& map)
{
    std::vector<Port> out;
    if (!map.is_object()) return out;
    for (const auto& [key, bindings] : map.items()) {
        if (!bindings.is_array()) continue;
        const auto slash = key.find('/');
        for (const auto& binding : bindings) {
            Port port;
            port.container = port_number(std::string_view{key}.substr(0, slash));
            port.protocol = slash == std::string::npos ? "tcp" : key.substr(slash + 1);
            port.host = port_number(std::string_view{text_at(binding, "HostPort")});
            port.host_ip = text_at(binding, "HostIp");
            if (port.host != 0) out.push_back(std::move(port));
        }
    }
    return out;
}

std::vector<Port> read_port_list(const json& list)
{
    std::vector<Port> out;
    if (!list.is_array()) return out;
    for (const auto& one : list) {
        Port port;
        port.container = port_number(integer_at(one, "PrivatePort"));
        port.host = port_number(integer_at(one, "PublicPort"));
        port.protocol = text_at(one, "Type");
        port.host_ip = text_at(one, "IP");
        if (port.host != 0) out.push_back(std::move(port));
    }
    return out;
}

std::string without_slash(std::string name)
{
    if (name.starts_with('/')) name.erase(0, 1);
    return name;
}

std::int64_t ns_of_seconds(std::int64_t seconds)
{
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;
    return std::clamp<std::int64_t>(seconds, 0, most) * 1'000'000'000;
}

bool is_podman(const json& version)
{
    const auto& components = member(version, "Components");
    if (!components.is_array()) return false;
    return std::any_of(components.begin(), components.end(), [](const json& one) {
        return text_at(one, "Name").find("Podman") != std::string::npos;
    });
}

void read_security(const json& options, EngineFacts& facts)
{
    for (const auto& option : texts(options)) {
        if (option.find("name=rootless") != std::string::npos) facts.rootless = true;
        if (option.find("name=userns") != std::string::npos) facts.user_namespaces = true;
        if (option.find("name=selinux") != std::string::npos) facts.selinux = true;
    }
}

void warn(EngineFacts& facts)
{
    const auto say = [&](bool works, const char* what, const char* effect) {
        if (works) return;
        facts.warnings.push_back(std::string{"The engine cannot limit "} + what + ": " + effect);
    };
    say(facts.memory_limit, "memory",
        "a server may use all of the machine's memory. Enable the memory cgroup.");
    say(facts.swap_limit, "swap",
        "a server at its memory limit may use swap. Boot with swapaccount=1, or turn swap off.");
    say(facts.cpu_quota, "CPU time", "a server may use every core. Enable CFS bandwidth control.");
    say(facts.pids_limit, "processes", "a server may start any number. Enable the pids cgroup.");
}

} // namespace

std::string oldest_api_of(std::string_view version) { return text_at(parsed(version), "MinAPIVersion"); }

std::optional<EngineFacts> read_engine(std::string_view version_text, std::string_view info_text)
{
    const json version = parsed(version_text), info = parsed(info_text);
    EngineFacts facts;
    facts.version = text_at(version, "Version");
    facts.api = text_at(version, "ApiVersion");
    if (facts.api.empty() || !info.is_object()) return std::nullopt;
    facts.min_api = text_at(version, "MinAPIVersion");
    facts.podman = is_podman(version);
    facts.os = text_at(version, "Os");
    facts.architecture = text_at(version, "Arch");
    facts.kernel = text_at(info, "KernelVersion");
    facts.id = text_at(info, "ID");
    const std::string cgroups = text_at(info, "CgroupVersion");
    facts.cgroup_version = cgroups == "2" ? 2 : cgroups == "1" ? 1 : 0;
    facts.cgroup_driver = text_at(info, "CgroupDriver");
    facts.storage_driver = text_at(info, "Driver");
    facts.logging_driver = text_at(info, "LoggingDriver");
    facts.root_folder = text_at(info, "DockerRootDir");
    facts.memory_limit = flag_at(info, "MemoryLimit", true);
    facts.swap_limit = flag_at(info, "SwapLimit", true);
    // Since API 1.50 the engine leaves out what cgroup v2 always has.
    facts.cpu_quota = flag_at(info, "CpuCfsQuota", true);
    facts.pids_limit = flag_at(info, "PidsLimit", true);
    facts.live_restore = flag_at(info, "LiveRestoreEnabled");
    facts.memory = count_at(info, "MemTotal");
    facts.cores = integer_at(info, "NCPU");
    read_security(member(info, "SecurityOptions"), facts);
    warn(facts);
    return facts;
}

std::optional<ContainerFacts> read_container(std::string_view text)
{
    const json root = parsed(text);
    const auto& state = member(root, "State");
    ContainerFacts facts;
    facts.id = text_at(root, "Id");
    if (facts.id.empty() || !state.is_object()) return std::nullopt;
    facts.name = without_slash(text_at(root, "Name"));
    facts.image_id = text_at(root, "Image");
    facts.status = text_at(state, "Status");
    facts.running = flag_at(state, "Running");
    facts.paused = flag_at(state, "Paused");
    facts.oom_killed = flag_at(state, "OOMKilled");
    facts.dead = flag_at(state, "Dead");
    facts.pid = integer_at(state, "Pid");
    facts.exit_code = static_cast<int>(std::clamp<std::int64_t>(integer_at(state, "ExitCode"), -1, 255));
    facts.error = netclient::printable(text_at(state, "Error"), 1024);
    facts.created_ns = stamp_ns(text_at(root, "Created"));
    facts.started_ns = stamp_ns(text_at(state, "StartedAt"));
    facts.finished_ns = stamp_ns(text_at(state, "FinishedAt"));
    facts.restart_count = integer_at(root, "RestartCount");
    const auto& config = member(root, "Config");
    facts.image = text_at(config, "Image");
    facts.tty = flag_at(config, "Tty");
    facts.open_stdin = flag_at(config, "OpenStdin");
    facts.labels = read_labels(member(config, "Labels"));
    const auto& host = member(root, "HostConfig");
    facts.log_driver = text_at(member(host, "LogConfig"), "Type");
    facts.cgroup_parent = text_at(host, "CgroupParent");
    facts.ports = read_port_map(member(member(root, "NetworkSettings"), "Ports"));
    facts.json = text;
    return facts;
}

std::optional<std::vector<ContainerRow>> read_containers(std::string_view text)
{
    const json root = parsed(text);
    if (!root.is_array()) return std::nullopt;
    std::vector<ContainerRow> out;
    out.reserve(root.size());
    for (const auto& one : root) {
        ContainerRow row;
        row.id = text_at(one, "Id");
        if (row.id.empty()) continue;
        if (const auto names = texts(member(one, "Names")); !names.empty())
            row.name = without_slash(names[0]);
        row.image = text_at(one, "Image");
        row.status = text_at(one, "State");
        row.created_ns = ns_of_seconds(integer_at(one, "Created"));
        row.labels = read_labels(member(one, "Labels"));
        row.ports = read_port_list(member(one, "Ports"));
        out.push_back(std::move(row));
    }
    return out;
}

std::optional<ImageFacts> read_image(std::string_view text)
{
    const json root = parsed(text);
    ImageFacts facts;
    facts.id = text_at(root, "Id");
    if (facts.id.empty()) return std::nullopt;
    facts.tags = texts(member(root, "RepoTags"));
    facts.digests = texts(member(root, "RepoDigests"));
    facts.size = count_at(root, "Size");
    facts.os = text_at(root, "Os");
    facts.architecture = text_at(root, "Architecture");
    const auto& config = member(root, "Config");
    facts.user = text_at(config, "User");
    facts.entrypoint = texts(member(config, "Entrypoint"));
    facts.command = texts(member(config, "Cmd"));
    return facts;
}

std::optional<DiskUse> read_disk_use(std::string_view text)
{
    const json root = parsed(text);
    if (!root.is_object()) return std::nullopt;
    DiskUse use;
    use.images = count_at(root, "LayersSize");
    const auto each = [&](const char* list, const auto& visit) {
        const auto& rows = member(root, list);
        if (rows.is_array())
            for (const auto& row : rows) visit(row);
    };
    each("Containers", [&](const json& row) {
        const auto size = count_at(row, "SizeRw");
        use.containers += size;
        if (const auto id = text_at(row, "Id"); !id.empty()) use.writable[id] = size;
    });
    each("Volumes", [&](const json& row) { use.volumes += count_at(member(row, "UsageData"), "Size"); });
    each("BuildCache", [&](const json& row) { use.build_cache += count_at(row, "Size"); });
    return use;
}

std::optional<Created> read_created(std::string_view text)
{
    const json root = parsed(text);
    Created created;
    created.id = text_at(root, "Id");
    if (created.id.empty()) return std::nullopt;
    created.warnings = read_warnings(root);
    return created;
}

std::optional<Updated> read_updated(std::string_view text)
{
    const json root = parsed(text);
    if (!root.is_object()) return std::nullopt;
    return Updated{read_warnings(root)};
}

std::optional<Exit> read_exit(std::string_view text)
{
    const json root = parsed(text);
    if (!member(root, "StatusCode").is_number()) return std::nullopt;
    Exit exit;
    exit.code = integer_at(root, "StatusCode");
    exit.error = netclient::printable(text_at(member(root, "Error"), "Message"), 1024);
    return exit;
}

} // namespace agenthost::docker::engine
