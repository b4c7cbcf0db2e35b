// Payloads of create_server that try to get out of the container, or more than the node gives.
#pragma once

#include <string>
#include <vector>

namespace agenthost::test {

struct Escape {
    std::string place; // JSON pointer in the payload
    std::string value; // JSON
    std::string named; // what the error must name
    bool egg = false;  // in an egg file, not in the document's form
};

inline std::vector<Escape> escapes()
{
    const std::string config = "/eggConfig";
    return {
        // Members that the engine's API, compose files or other panels have.
        {config + "/privileged", "true", "eggConfig.privileged"},
        {config + "/Privileged", "1", "eggConfig.Privileged"},
        {config + "/HostConfig", R"({"Privileged":true})", "eggConfig.HostConfig"},
        {config + "/host_config", R"({"Binds":["/:/host"]})", "eggConfig.host_config"},
        {config + "/Binds", R"(["/:/host:rw"])", "eggConfig.Binds"},
        {config + "/mounts", R"([{"source":"/","target":"/host"}])", "eggConfig.mounts"},
        {config + "/Mounts", R"([{"Type":"bind","Source":"/","Target":"/host"}])", "eggConfig.Mounts"},
        {config + "/volumes", R"(["/run/docker.sock:/run/docker.sock"])", "eggConfig.volumes"},
        {config + "/VolumesFrom", R"(["other"])", "eggConfig.VolumesFrom"},
        {config + "/devices", R"(["/dev/mem:/dev/mem:rwm"])", "eggConfig.devices"},
        {config + "/DeviceRequests", R"([{"Count":-1}])", "eggConfig.DeviceRequests"},
        {config + "/DeviceCgroupRules", R"(["a *:* rwm"])", "eggConfig.DeviceCgroupRules"},
        {config + "/gpus", R"("all")", "eggConfig.gpus"},
        {config + "/cap_add", R"(["SYS_ADMIN"])", "eggConfig.cap_add"},
        {config + "/CapAdd", R"(["ALL"])", "eggConfig.CapAdd"},
        {config + "/CapDrop", R"(["NET_RAW"])", "eggConfig.CapDrop"},
        {config + "/security_opt", R"(["seccomp=unconfined"])", "eggConfig.security_opt"},
        {config + "/SecurityOpt", R"(["apparmor=unconfined"])", "eggConfig.SecurityOpt"},
        {config + "/no_new_privileges", "false", "eggConfig.no_new_privileges"},
        {config + "/MaskedPaths", "[]", "eggConfig.MaskedPaths"},
        {config + "/ReadonlyPaths", "[]", "eggConfig.ReadonlyPaths"},
        {config + "/read_only", "false", "eggConfig.read_only"},
        {config + "/ReadonlyRootfs", "false", "eggConfig.ReadonlyRootfs"},
        {config + "/tmpfs", R"(["/run:exec,suid"])", "eggConfig.tmpfs"},
        {config + "/network_mode", R"("host")", "eggConfig.network_mode"},
        {config + "/NetworkMode", R"("container:other")", "eggConfig.NetworkMode"},
        {config + "/networks", R"(["host"])", "eggConfig.networks"},
        {config + "/pid", R"("host")", "eggConfig.pid"},
        {config + "/PidMode", R"("host")", "eggConfig.PidMode"},
        {config + "/ipc", R"("host")", "eggConfig.ipc"},
        {config + "/uts", R"("host")", "eggConfig.uts"},
        {config + "/userns_mode", R"("host")", "eggConfig.userns_mode"},
        {config + "/cgroup_parent", R"("/")", "eggConfig.cgroup_parent"},
        {config + "/CgroupnsMode", R"("host")", "eggConfig.CgroupnsMode"},
        {config + "/runtime", R"("evil")", "eggConfig.runtime"},
        {config + "/user", R"("0")", "eggConfig.user"},
        {config + "/User", R"("root")", "eggConfig.User"},
        {config + "/group_add", R"(["docker"])", "eggConfig.group_add"},
        {config + "/sysctls", R"({"kernel.core_pattern":"|/x"})", "eggConfig.sysctls"},
        {config + "/ulimits", R"({"core":-1})", "eggConfig.ulimits"},
        {config + "/labels", R"({"agenthost.server":"other"})", "eggConfig.labels"},
        {config + "/log_config", R"({"type":"syslog"})", "eggConfig.log_config"},
        {config + "/extra_hosts", R"(["host:host-gateway"])", "eggConfig.extra_hosts"},
        // At other levels of the payload.
        {"/privileged", "true", "privileged"},
        {"/HostConfig", R"({"PidMode":"host"})", "HostConfig"},
        {config + "/limits/cgroup_parent", R"("/")", "eggConfig.limits.cgroup_parent"},
        {config + "/limits/oom_disabled", "true", "eggConfig.limits.oom_disabled"},
        {config + "/install", R"({"image":"panelgame:1","script":"true","privileged":true})",
         "eggConfig.install.privileged"},
        {config + "/install", R"({"image":"panelgame:1","script":"true","volumes":["/:/x"]})",
         "eggConfig.install.volumes"},
        {config + "/stop", R"({"signal":"SIGINT","user":"root"})", "eggConfig.stop.user"},
        {config + "/ports", R"({"7777":{"port":27710,"network":"host"}})", "eggConfig.ports.7777.network"},
        {config + "/x-more", R"({"deep":[{"deeper":{"Privileged":true}}]})", "Privileged"},
        // Values of members that are allowed.
        {config + "/image", R"("ghcr.io/elsewhere/game:1")", "image"},
        {config + "/image", R"("docker.io.example.com/library/panelgame:1")", "image"},
        {config + "/image", R"("panelgame:1@evil")", "image"},
        {config + "/image", R"("../panelgame:1")", "image"},
        {config + "/image", R"("panelgame:1?fromSrc=x")", "image"},
        {config + "/image", R"(["panelgame:1"])", "image"},
        {config + "/install", R"({"image":"elsewhere/installer:1","script":"true"})", "install.image"},
        {config + "/install", R"({"image":"panelgame:1","script":"true","entrypoint":"sh -c id #"})",
         "eggConfig.install.entrypoint"},
        {config + "/ports", R"({"7777":80})", "ports.7777"},
        {config + "/ports", R"({"7777":27800})", "ports.7777"},
        {config + "/ports", R"({"7777":"0.0.0.0:27710"})", "ports.7777"},
        {config + "/ports", R"({"7777":"[::]:27710"})", "ports.7777"},
        {config + "/ports", R"({"7777/sctp":27710})", "7777/sctp"},
        {config + "/ports", R"({"7000-7200":"27700-27900"})", "ports.7000-7200"},
        {config + "/environment", R"({"A=B":"x"})", "environment"},
        {config + "/environment", R"({"A\nLD_PRELOAD":"x"})", "environment"},
        {config + "/environment", R"({"":"x"})", "environment"},
        {config + "/environment", R"({"A":"x\nB=y"})", "environment.A"},
        {config + "/environment", R"({"A":"x\u0000y"})", "environment.A"},
        {config + "/environment", R"({"A":{"B":"c"}})", "environment.A"},
        {config + "/startup", R"("/bin/game; /bin/sh")", "startup"},
        {config + "/startup", R"j("/bin/game $(id)")j", "startup"},
        {config + "/startup", R"("/bin/game {{HOSTNAME_OF_THE_NODE}}")", "HOSTNAME_OF_THE_NODE"},
        {config + "/stop", R"("^SIGSTOP")", "stop"},
        {config + "/stop", R"("stop\nop me")", "stop"},
        {config + "/files", R"({"../../etc/passwd":{"parser":"file","find":{"root":"x"}}})", "files"},
        {config + "/files", R"({"/etc/passwd/../shadow":{"parser":"file","find":{"root":"x"}}})", "files"},
        {config + "/limits/memory", R"("100g")", "limits.memory"},
        {config + "/limits/memory", R"("-1")", "limits.memory"},
        {config + "/limits/cpu", R"("64")", "limits.cpu"},
        {config + "/limits/pids", "100000", "limits.pids"},
        {config + "/limits/pids", "-1", "limits.pids"},
        {config + "/limits/swap", R"("10g")", "limits.swap"},
        {"/serverId", R"("../s1")", "serverId"},
        {"/serverId", R"("s1/../../x")", "serverId"},
        {"/serverId", R"("s1:/host")", "serverId"},
        {"/serverId", R"("x_installer")", "serverId"},
        // In egg files.
        {config + "/config/privileged", "true", "eggConfig.config.privileged", true},
        {config + "/scripts/installation/privileged", "true", "eggConfig.scripts.installation.privileged",
         true},
        {config + "/scripts/installation/container", R"("elsewhere/evil:1")", "image", true},
        {config + "/scripts/installation/entrypoint", R"("bash -c")", "installation.entrypoint", true},
        {config + "/docker_images", R"({"x":"elsewhere/evil:1"})", "image", true},
        {config + "/variables/0/user", R"("root")", "variables[0].user", true},
        {config + "/variables/0/env_variable", R"("A=B")", "env_variable", true},
        {config + "/force_outgoing_ip", "true", "force_outgoing_ip", true},
        {config + "/config/files", R"("{\"../../x\":{\"parser\":\"file\",\"find\":{\"a\":\"b\"}}}")", "files",
         true},
        {"/HostConfig", R"({"Privileged":true})", "HostConfig", true},
    };
}

} // namespace agenthost::test
