#include "read_back.hpp"

#include "base/json_depth.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace agenthost::docker {

namespace {

using Json = nlohmann::json;

constexpr std::size_t max_shown = 120;

std::string cut(std::string text)
{
    if (text.size() <= max_shown) return text;
    std::size_t end = max_shown;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end) + "...";
}

std::string shown(const Json& json) { return cut(json.dump(-1, ' ', false, Json::error_handler_t::replace)); }

// Absent, null, false, 0, "" and empty containers are the same to engines.
bool is_nothing(const Json& json)
{
    if (json.is_null() || (json.is_boolean() && !json.get<bool>())) return true;
    if (json.is_number()) return json == 0;
    if (json.is_string()) return json.get_ref<const std::string&>().empty();
    return json.is_structured() && json.empty();
}

const Json& member(const Json& json, const std::string& key)
{
    static const Json none;
    if (!json.is_object()) return none;
    const auto at = json.find(key);
    return at == json.end() ? none : *at;
}

std::set<std::string> strings(const Json& json)
{
    std::set<std::string> out;
    if (json.is_array())
        for (const Json& one : json)
            if (one.is_string()) out.insert(one.get<std::string>());
    return out;
}

std::string text(const Json& json) { return json.is_string() ? json.get<std::string>() : std::string{}; }

class Comparison {
public:
    Comparison(const Json& asked, const Json& got)
        : asked_{asked}, got_{got}, host_asked_{member(asked, "HostConfig")},
          host_got_{member(got, "HostConfig")}, config_{member(got, "Config")}
    {}

    std::vector<std::string> run()
    {
        compare_process();
        compare_limits();
        compare_capabilities();
        compare_forbidden();
        compare_mounts();
        return std::move(sentences_);
    }

private:
    void say(std::string sentence) { sentences_.push_back(std::move(sentence)); }

    void same(const std::string& where, const Json& got, const Json& asked, const char* meaning)
    {
        if (got == asked || (is_nothing(got) && is_nothing(asked))) return;
        say(where + " is " + shown(got) + ", not " + shown(asked) + ": " + meaning + ".");
    }

    void compare_process()
    {
        same("Config.Image", member(config_, "Image"), member(asked_, "Image"), "another image runs");
        same("Config.User", member(config_, "User"), member(asked_, "User"),
             "the server runs as another user");
        same("Config.Tty", member(config_, "Tty"), member(asked_, "Tty"), "the console has another form");
        same("Config.OpenStdin", member(config_, "OpenStdin"), member(asked_, "OpenStdin"),
             "commands cannot be typed");
        same("Config.WorkingDir", member(config_, "WorkingDir"), member(asked_, "WorkingDir"),
             "the server starts elsewhere");
        same("Config.StopSignal", member(config_, "StopSignal"), member(asked_, "StopSignal"),
             "another signal stops it");
        if (asked_.contains("Entrypoint")) {
            if (member(config_, "Entrypoint") != member(asked_, "Entrypoint") ||
                (member(config_, "Cmd") != member(asked_, "Cmd") && !is_nothing(member(asked_, "Cmd"))))
                say("Config.Entrypoint and Config.Cmd are not what was asked: another program runs.");
        }
        const std::set<std::string> got = strings(member(config_, "Env"));
        for (const std::string& line : strings(member(asked_, "Env")))
            if (!got.contains(line))
                say("Config.Env lacks the value of " + cut(line.substr(0, line.find('='))) + ".");
        for (const auto& [key, value] : member(asked_, "Labels").items())
            same("Config.Labels[" + key + "]", member(member(config_, "Labels"), key), value,
                 "the container would not be recognised");
    }

    void compare_limits()
    {
        struct Row {
            const char *key, *meaning;
        };
        static constexpr std::array<Row, 8> rows{
            {{"Memory", "the engine did not apply the memory limit"},
             {"MemorySwap", "the engine did not forbid swap"},
             {"NanoCpus", "the engine did not apply the CPU limit"},
             {"PidsLimit", "the engine did not apply the limit of processes"},
             {"BlkioWeight", "the engine did not apply the I/O weight"},
             {"ReadonlyRootfs", "the root file system is writable"},
             {"PortBindings", "other ports are published"},
             {"Init", "no init process reaps children"}}};
        for (const Row& row : rows) {
            if (!host_asked_.contains(row.key)) continue;
            same(std::string{"HostConfig."} + row.key, member(host_got_, row.key),
                 member(host_asked_, row.key), row.meaning);
        }
        same("HostConfig.LogConfig.Type", member(member(host_got_, "LogConfig"), "Type"),
             member(member(host_asked_, "LogConfig"), "Type"), "the console's log is kept differently");
        compare_tmpfs();
        compare_network();
        const std::string restart = text(member(member(host_got_, "RestartPolicy"), "Name"));
        if (!restart.empty() && restart != "no")
            say("HostConfig.RestartPolicy is " + cut(restart) +
                ", not no: the engine would start the server by itself.");
    }

    // Podman prints "bridge" for every bridge network, and its name elsewhere.
    void compare_network()
    {
        const Json &got = member(host_got_, "NetworkMode"), &asked = member(host_asked_, "NetworkMode");
        const Json& attached = member(member(got_, "NetworkSettings"), "Networks");
        if (got == "bridge" && attached.contains(text(asked))) return;
        same("HostConfig.NetworkMode", got, asked, "the server is on another network");
    }

    // Podman adds options of its own.
    void compare_tmpfs()
    {
        for (const auto& [target, asked] : member(host_asked_, "Tmpfs").items()) {
            const std::string got = "," + text(member(member(host_got_, "Tmpfs"), target)) + ",";
            for (const char* option : {"nosuid", "nodev", "noexec"}) {
                const std::string wanted = std::string{","} + option + ",";
                const bool lacks = ("," + text(asked) + ",").find(wanted) != std::string::npos &&
                                   got.find(wanted) == std::string::npos;
                if (lacks) say("HostConfig.Tmpfs at " + target + " lacks " + option + ".");
            }
        }
    }

    void compare_capabilities()
    {
        const std::set<std::string> dropped = strings(member(host_got_, "CapDrop")),
                                    asked = strings(member(host_asked_, "CapAdd"));
        // Podman prints what ALL means; at least the ten or more that it would have given.
        if (!dropped.contains("ALL") && !dropped.contains("all") && dropped.size() < 10)
            say("HostConfig.CapDrop is " + shown(member(host_got_, "CapDrop")) +
                ", not [\"ALL\"]: capabilities are left.");
        for (std::string name : strings(member(host_got_, "CapAdd"))) {
            const std::string full = name;
            if (name.starts_with("CAP_")) name.erase(0, 4);
            if (!asked.contains(name))
                say("HostConfig.CapAdd has " + cut(full) + ", which was not asked for.");
        }
        const auto options = strings(member(host_got_, "SecurityOpt"));
        bool no_new = false;
        for (const std::string& option : options) {
            if (option == "no-new-privileges" || option == "no-new-privileges:true")
                no_new = true;
            else if (option.find("unconfined") != std::string::npos ||
                     option.find("disable") != std::string::npos || option == "no-new-privileges:false" ||
                     option == "systempaths=unconfined")
                say("HostConfig.SecurityOpt has " + cut(option) + ", which was not asked for.");
        }
        if (!no_new) say("HostConfig.SecurityOpt lacks no-new-privileges: a program could gain rights.");
    }

    void compare_forbidden()
    {
        static constexpr std::array<const char*, 11> empty{
            "Privileged", "Devices",  "DeviceRequests", "DeviceCgroupRules", "VolumesFrom",    "ExtraHosts",
            "Sysctls",    "GroupAdd", "Links",          "OomKillDisable",    "PublishAllPorts"};
        for (const char* key : empty)
            if (const Json& got = member(host_got_, key); !is_nothing(got))
                say(std::string{"HostConfig."} + key + " is " + shown(got) + ", which was not asked for.");
        static constexpr std::array<const char*, 6> modes{"PidMode",    "IpcMode",      "UTSMode",
                                                          "UsernsMode", "CgroupnsMode", "NetworkMode"};
        for (const char* key : modes) {
            const std::string mode = text(member(host_got_, key));
            if (mode == "host" || mode.starts_with("container:") || mode.starts_with("ns:"))
                say(std::string{"HostConfig."} + key + " is " + cut(mode) +
                    ": the server shares a namespace.");
        }
    }

    void compare_mounts()
    {
        std::set<std::string> expected;
        const std::set<std::string> binds = strings(member(host_asked_, "Binds"));
        for (const std::string& bind : binds) {
            const auto first = bind.find(':'), second = bind.find(':', first + 1);
            expected.insert(bind.substr(0, second));
        }
        std::set<std::string> seen;
        if (member(got_, "Mounts").is_array())
            for (const Json& mount : member(got_, "Mounts")) {
                const std::string target = text(member(mount, "Destination"));
                if (text(member(mount, "Type")) == "tmpfs" && member(host_asked_, "Tmpfs").contains(target))
                    continue;
                const std::string pair = text(member(mount, "Source")) + ":" + target;
                if (text(member(mount, "Type")) == "bind" && expected.contains(pair)) {
                    seen.insert(pair);
                    if (const std::string spread = text(member(mount, "Propagation"));
                        spread == "shared" || spread == "rshared")
                        say("the mount at " + cut(target) + " is " + spread +
                            ": mounts would reach the host.");
                    continue;
                }
                say("a " + cut(text(member(mount, "Type"))) + " is mounted at " + cut(target) +
                    ", which was not asked for. The image may declare it as a volume.");
            }
        for (const std::string& pair : expected)
            if (!seen.contains(pair)) say("the folder " + cut(pair) + " is not mounted.");
    }

    const Json &asked_, &got_, &host_asked_, &host_got_, &config_;
    std::vector<std::string> sentences_;
};

} // namespace

std::vector<std::string> read_back(std::string_view body, std::string_view inspect)
{
    const Json asked = base::parse_json<Json>(body), got = base::parse_json<Json>(inspect);
    if (!asked.is_object()) return {"the request is not a JSON object."};
    if (!got.is_object() || !member(got, "HostConfig").is_object() || !member(got, "Config").is_object())
        return {"the engine's answer to inspect is not readable."};
    return Comparison{asked, got}.run();
}

} // namespace agenthost::docker
