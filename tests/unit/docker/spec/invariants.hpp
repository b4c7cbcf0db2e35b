// What must hold for every body of POST /containers/create, whatever the payload was.
#pragma once

#include "plugins/docker/spec/create_body.hpp"
#include "plugins/docker/spec/egg.hpp"

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <vector>

namespace agenthost::docker_test {

using nlohmann::json;

inline std::set<std::string> keys(const json& object)
{
    std::set<std::string> out;
    for (const auto& [key, value] : object.items()) out.insert(key);
    return out;
}

class BodyCheck {
public:
    BodyCheck(const std::string& text, const docker::NodePolicy& policy, std::string id, bool installer)
        : body_(json::parse(text, nullptr, false)), policy_{policy}, id_{std::move(id)}, installer_{installer}
    {}

    // Each broken promise in a sentence.
    std::vector<std::string> violations()
    {
        demand(body_.is_object(), "the body is an object");
        if (!body_.is_object()) return broken_;
        only(body_, {"Image", "User", "Env", "Entrypoint", "Cmd", "WorkingDir", "StopSignal", "OpenStdin",
                     "StdinOnce", "Tty", "AttachStdin", "AttachStdout", "AttachStderr", "Labels",
                     "ExposedPorts", "HostConfig"});
        process();
        host(body_.at("HostConfig"));
        return broken_;
    }

private:
    void demand(bool holds, const std::string& what)
    {
        if (!holds) broken_.push_back(what);
    }
    void only(const json& object, const std::set<std::string>& allowed)
    {
        for (const std::string& key : keys(object)) demand(allowed.contains(key), "unexpected member " + key);
    }

    void process()
    {
        const std::string user = std::to_string(policy_.uid) + ":" + std::to_string(policy_.gid);
        demand(body_.at("User") == user && policy_.uid != 0, "the user is the node's");
        const auto image = docker::parse_image(body_.at("Image").get<std::string>(), "Image");
        demand(policy_.images.allows(image), "the image is allowed");
        demand(image.canonical() == body_.at("Image").get<std::string>(), "the image is canonical");
        demand(keys(body_.at("Labels")) ==
                   std::set<std::string>{"agenthost.server", "agenthost.role", "agenthost.spec"},
               "the labels are ours");
        demand(body_.at("Labels").at("agenthost.server") == id_, "the label names the server");
        demand(body_.at("WorkingDir") == (installer_ ? "/mnt/server" : policy_.mount_point),
               "the working directory is ours");
        demand(body_.at("Tty") == false, "no terminal");
        static const std::set<std::string> signals{"SIGTERM", "SIGINT",  "SIGQUIT", "SIGHUP",
                                                   "SIGABRT", "SIGUSR1", "SIGUSR2", "SIGKILL"};
        demand(signals.contains(body_.at("StopSignal")), "a known stop signal");
        for (const json& line : body_.at("Env")) {
            const std::string text = line;
            demand(text.find_first_of(std::string{"\0\n\r", 3}) == std::string::npos,
                   "an environment line is one line");
            const std::string name = text.substr(0, text.find('='));
            demand(!name.empty() && name.size() < text.size() &&
                       name.find_first_not_of(
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
                           std::string::npos,
                   "an environment line has a name");
        }
        for (const auto& [port, value] : body_.at("ExposedPorts").items())
            demand(port.ends_with("/tcp") || port.ends_with("/udp"), "a port has a transport");
    }

    void host(const json& host)
    {
        only(host, {"Privileged",   "ReadonlyRootfs", "CapDrop",     "CapAdd",        "SecurityOpt",
                    "NetworkMode",  "IpcMode",        "PidMode",     "UTSMode",       "CgroupnsMode",
                    "Runtime",      "Binds",          "Tmpfs",       "Memory",        "MemorySwap",
                    "NanoCpus",     "PidsLimit",      "BlkioWeight", "Ulimits",       "PublishAllPorts",
                    "PortBindings", "Init",           "AutoRemove",  "RestartPolicy", "LogConfig"});
        demand(host.at("Privileged") == false && host.at("ReadonlyRootfs") == true,
               "not privileged, read-only root");
        demand(host.at("CapDrop") == json{"ALL"}, "all capabilities are dropped");
        demand(host.at("CapAdd") == json(policy_.capabilities), "only the node's capabilities are added");
        demand(host.at("SecurityOpt") == json{"no-new-privileges"}, "no new privileges and nothing else");
        demand(host.at("NetworkMode") == (installer_ ? policy_.installer_network : policy_.network),
               "the node's network");
        demand(host.at("IpcMode") == "private" && host.at("PidMode") == "" && host.at("UTSMode") == "",
               "own namespaces");
        demand(host.at("Memory") >= (16 << 20) && host.at("Memory") == host.at("MemorySwap"),
               "a memory limit without swap");
        demand(policy_.max_memory == 0 || host.at("Memory") <= policy_.max_memory,
               "memory within the node's bound");
        demand(host.at("PidsLimit") >= 1 && host.at("PidsLimit") <= policy_.max_processes,
               "a limit of processes");
        demand(policy_.max_nano_cpus == 0 ||
                   (host.at("NanoCpus") > 0 && host.at("NanoCpus") <= policy_.max_nano_cpus),
               "a CPU limit");
        demand(host.at("RestartPolicy") == json{{"Name", "no"}} && host.at("AutoRemove") == false,
               "the engine restarts nothing");
        demand(host.at("PublishAllPorts") == false, "only named ports are published");
        binds(host);
        ports(host.at("PortBindings"));
    }

    void binds(const json& host)
    {
        const std::string end = policy_.selinux ? ",Z" : "", data = policy_.data_dir + "/" + id_,
                          install = policy_.data_dir + "/.install/" + id_;
        const json server{data + ":" + policy_.mount_point + ":rw" + end};
        const json installer{data + ":/mnt/server:rw" + end, install + "/script:/mnt/install:ro" + end,
                             install + "/tmp:/tmp:rw" + end};
        demand(host.at("Binds") == (installer_ ? installer : server),
               "only the server's own folders are mounted");
        demand(id_.find('/') == std::string::npos && id_.find(':') == std::string::npos && id_ != "." &&
                   id_ != "..",
               "the id is one folder name");
        if (!host.contains("Tmpfs")) return demand(installer_, "a server has a /tmp in memory");
        demand(keys(host.at("Tmpfs")) == std::set<std::string>{"/tmp"}, "one tmpfs");
        demand(host.at("Tmpfs").at("/tmp").get<std::string>().find("nosuid,nodev") != std::string::npos,
               "tmpfs is nosuid, nodev");
    }

    void ports(const json& bindings)
    {
        demand(keys(bindings) == keys(body_.at("ExposedPorts")), "published ports are exposed ports");
        for (const auto& [port, list] : bindings.items())
            for (const json& one : list) {
                only(one, {"HostIp", "HostPort"});
                const int number = std::stoi(one.at("HostPort").get<std::string>());
                bool in_range = false, known = false;
                for (const auto& range : policy_.ports)
                    in_range = in_range || (number >= range.first && number <= range.last);
                for (const auto& address : policy_.addresses)
                    known = known || address.text() == one.at("HostIp").get<std::string>();
                demand(in_range && known, "a port within the node's ranges and addresses");
            }
        demand(!installer_ || bindings.empty(), "an installer publishes nothing");
    }

    json body_;
    const docker::NodePolicy& policy_;
    std::string id_;
    bool installer_;
    std::vector<std::string> broken_;
};

inline docker::NodePolicy test_policy()
{
    return docker::read_policy(R"({"data_dir": "/srv/games", "uid": 988, "gid": 987, "selinux": true,
        "allow_images": ["ghcr.io/pelican-eggs/*", "docker.io/library/busybox"],
        "bind_addresses": ["0.0.0.0", "192.0.2.1"], "ports": ["25000-26000", "30000"],
        "max_memory": "8GiB", "max_cpu": "4", "max_processes": 1000, "network": "games"})");
}

// Every broken promise of both bodies that a payload leads to. Throws agenthost::Error when the payload is
// refused.
inline std::vector<std::string> violations_of(const std::string& payload, const docker::NodePolicy& policy)
{
    const docker::ServerSpec spec = docker::read_create_server(payload);
    const docker::ServerPlan plan = docker::plan_server(spec, policy);
    auto broken = BodyCheck{docker::create_body(plan.server, policy), policy, spec.id, false}.violations();
    if (plan.installer) {
        const auto more =
            BodyCheck{docker::create_body(*plan.installer, policy), policy, spec.id, true}.violations();
        broken.insert(broken.end(), more.begin(), more.end());
        if (plan.install_script.find('\r') != std::string::npos)
            broken.push_back("a script has no carriage returns");
    }
    for (const auto& file : plan.files)
        if (file.file.empty() || file.file.front() == '/' ||
            ("/" + file.file + "/").find("/../") != std::string::npos)
            broken.push_back("an edited file is inside the server's folder");
    return broken;
}

} // namespace agenthost::docker_test
