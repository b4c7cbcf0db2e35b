// What must hold for every container of the plugin, as the engine itself tells it by inspect.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace agenthost::test {

struct Promises {
    std::string id, folder;     // of the server; its folder on the host
    std::string install_folder; // an installer's; empty: a server
    std::uint64_t memory = 0;   // bytes
    std::uint64_t nano_cpus = 0;
    std::uint64_t processes = 512;
};

class ContainerCheck {
public:
    ContainerCheck(const nlohmann::json& container, Promises promises)
        : all_(container), promises_(std::move(promises))
    {}

    // Each broken promise in a sentence.
    std::vector<std::string> broken()
    {
        if (!all_.is_object() || !all_.contains("HostConfig")) return {"no such container: " + all_.dump()};
        privileges(all_["HostConfig"]);
        namespaces(all_["HostConfig"]);
        limits(all_["HostConfig"]);
        mounts();
        process(all_["Config"]);
        return std::move(broken_);
    }

private:
    void demand(bool holds, const std::string& what, const nlohmann::json& seen)
    {
        if (!holds) broken_.push_back(what + ": " + seen.dump());
    }
    // Absent, null and empty are the same to engines.
    void nothing(const nlohmann::json& object, const char* key)
    {
        const nlohmann::json value = object.value(key, nlohmann::json());
        demand(value.is_null() || value.empty() || value == "" || value == 0 || value == false,
               std::string{key} + " is not empty", value);
    }

    void privileges(const nlohmann::json& host)
    {
        demand(host["Privileged"] == false, "Privileged", host["Privileged"]);
        demand(host["ReadonlyRootfs"] == true, "the root is writable", host["ReadonlyRootfs"]);
        demand(host["CapDrop"] == nlohmann::json{"ALL"}, "CapDrop", host["CapDrop"]);
        demand(host["SecurityOpt"] == nlohmann::json{"no-new-privileges"}, "SecurityOpt",
               host["SecurityOpt"]);
        for (const char* key :
             {"CapAdd", "Devices", "DeviceRequests", "DeviceCgroupRules", "GroupAdd", "Sysctls",
              "VolumesFrom", "Links", "ExtraHosts", "CgroupParent", "ContainerIDFile", "PublishAllPorts",
              "AutoRemove", "OomKillDisable", "OomScoreAdj", "StorageOpt"})
            nothing(host, key);
        for (const char* key : {"MaskedPaths", "ReadonlyPaths"})
            demand(host[key].is_array() && host[key].size() >= 5, std::string{key} + " is not the default",
                   host[key]);
        demand(host["RestartPolicy"]["Name"] == "no", "RestartPolicy", host["RestartPolicy"]);
        demand(host["LogConfig"]["Type"] == "local" && host["LogConfig"]["Config"]["max-size"] == "5m" &&
                   host["LogConfig"]["Config"]["max-file"] == "2" &&
                   host["LogConfig"]["Config"]["mode"] == "blocking",
               "LogConfig", host["LogConfig"]);
    }

    void namespaces(const nlohmann::json& host)
    {
        demand(host["NetworkMode"] == "gamenet", "NetworkMode", host["NetworkMode"]);
        demand(host["IpcMode"] == "private", "IpcMode", host["IpcMode"]);
        demand(host["CgroupnsMode"] == "private", "CgroupnsMode", host["CgroupnsMode"]);
        for (const char* key : {"PidMode", "UTSMode", "UsernsMode"}) nothing(host, key);
        for (const auto& [port, bindings] : host["PortBindings"].items())
            for (const auto& one : bindings)
                demand(one["HostIp"] == "127.0.0.1", "a port is bound to another address", one);
    }

    void limits(const nlohmann::json& host)
    {
        demand(host["Memory"] == promises_.memory, "Memory", host["Memory"]);
        demand(host["MemorySwap"] == promises_.memory, "MemorySwap", host["MemorySwap"]);
        demand(host["NanoCpus"] == promises_.nano_cpus, "NanoCpus", host["NanoCpus"]);
        demand(host["PidsLimit"] == promises_.processes, "PidsLimit", host["PidsLimit"]);
    }

    void mounts()
    {
        const auto& host = all_["HostConfig"];
        std::set<std::string> wanted{promises_.folder + ":/home/container:rw"}, found;
        if (!promises_.install_folder.empty())
            wanted = {promises_.folder + ":/mnt/server:rw",
                      promises_.install_folder + "/script:/mnt/install:ro",
                      promises_.install_folder + "/tmp:/tmp:rw"};
        for (const auto& bind : host["Binds"]) found.insert(bind.get<std::string>());
        demand(found == wanted, "Binds", host["Binds"]);
        nothing(host, "Mounts");
        demand(all_["Mounts"].size() == wanted.size(), "the count of mounts", all_["Mounts"]);
        for (const auto& mount : all_["Mounts"])
            demand(mount["Type"] == "bind" && mount["Source"].get<std::string>().starts_with("/tmp/"),
                   "a mount that is no bind of ours", mount);
        const std::string tmp = host.value("Tmpfs", nlohmann::json::object()).value("/tmp", "");
        if (promises_.install_folder.empty())
            demand(host["Tmpfs"].size() == 1 && tmp.find("noexec") != std::string::npos &&
                       tmp.find("nosuid,nodev") != std::string::npos,
                   "Tmpfs", host["Tmpfs"]);
        else
            nothing(host, "Tmpfs");
    }

    void process(const nlohmann::json& config)
    {
        demand(config["User"] == "1000:1000", "User", config["User"]);
        demand(config["Tty"] == false, "Tty", config["Tty"]);
        nothing(config, "Volumes");
        std::set<std::string> labels;
        for (const auto& [key, value] : config["Labels"].items()) labels.insert(key);
        demand(labels == std::set<std::string>{"agenthost.owner", "agenthost.server", "agenthost.role",
                                               "agenthost.spec"},
               "Labels", config["Labels"]);
        demand(config["Labels"]["agenthost.server"] == promises_.id, "the label of the server",
               config["Labels"]);
        demand(config["Labels"]["agenthost.role"] ==
                   (promises_.install_folder.empty() ? "server" : "installer"),
               "the label of the role", config["Labels"]);
    }

    nlohmann::json all_;
    Promises promises_;
    std::vector<std::string> broken_;
};

} // namespace agenthost::test
