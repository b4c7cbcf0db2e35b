#include "create_body.hpp"

#include "base/hash.hpp"
#include "base/json_writer.hpp"

namespace agenthost::docker {

namespace {

std::string port_key(const PortMapping& port)
{
    return std::to_string(port.container) + (port.transport == Transport::udp ? "/udp" : "/tcp");
}

std::string bind_text(const Bind& bind, bool selinux)
{
    std::string options = bind.read_only ? "ro" : "rw";
    if (selinux) options += ",Z";
    return bind.source + ":" + bind.target + ":" + options;
}

void write_process(base::JsonWriter& json, const ContainerPlan& plan, const NodePolicy& policy)
{
    json.member("Image", plan.image);
    json.member("User", std::to_string(policy.uid) + ":" + std::to_string(policy.gid));
    json.member("Env", plan.environment);
    if (!plan.entrypoint.empty()) {
        json.member("Entrypoint", plan.entrypoint);
        json.member("Cmd", plan.command);
    }
    json.member("WorkingDir", plan.working_dir);
    json.member("StopSignal", plan.stop_signal);
    // Without a terminal, stdout and stderr stay apart; a stdin that stays open is where commands are typed.
    json.member("OpenStdin", !plan.installer).member("StdinOnce", false).member("Tty", false);
    json.member("AttachStdin", false).member("AttachStdout", false).member("AttachStderr", false);
}

void write_isolation(base::JsonWriter& json, const ContainerPlan& plan, const NodePolicy& policy)
{
    json.member("Privileged", false).member("ReadonlyRootfs", true);
    json.array("CapDrop").value("ALL").end();
    json.member("CapAdd", policy.capabilities);
    json.array("SecurityOpt").value("no-new-privileges").end();
    json.member("NetworkMode", plan.network)
        .member("IpcMode", "private")
        .member("PidMode", "")
        .member("UTSMode", "");
    if (policy.engine.api_minor >= 41) json.member("CgroupnsMode", "private");
    if (!policy.runtime.empty()) json.member("Runtime", policy.runtime);
    json.array("Binds");
    for (const Bind& bind : plan.binds) json.value(bind_text(bind, policy.selinux));
    json.end();
    if (!plan.tmpfs) return;
    json.object("Tmpfs")
        .member("/tmp", std::string{"rw,nosuid,nodev,"} + (policy.tmp_exec ? "exec" : "noexec") +
                            ",mode=1777,size=" + std::to_string(policy.tmp_size))
        .end();
}

void write_limits(base::JsonWriter& json, const ContainerPlan& plan, const NodePolicy& policy)
{
    json.member("Memory", plan.memory).member("MemorySwap", plan.memory); // equal: no swap
    json.member("NanoCpus", plan.nano_cpus).member("PidsLimit", plan.processes);
    if (plan.io_weight) json.member("BlkioWeight", *plan.io_weight);
    if (policy.max_open_files) {
        json.array("Ulimits").object();
        json.member("Name", "nofile")
            .member("Soft", *policy.max_open_files)
            .member("Hard", *policy.max_open_files);
        json.end().end();
    }
}

void write_ports(base::JsonWriter& json, const ContainerPlan& plan)
{
    json.member("PublishAllPorts", false).object("PortBindings");
    for (const PortMapping& port : plan.ports) {
        json.array(port_key(port)).object();
        json.member("HostIp", port.bind->text()).member("HostPort", std::to_string(port.host));
        json.end().end();
    }
    json.end();
}

void write_life(base::JsonWriter& json, const NodePolicy& policy)
{
    json.member("Init", policy.init).member("AutoRemove", false);
    json.object("RestartPolicy").member("Name", "no").end();
    json.object("LogConfig");
    if (policy.engine.podman) {
        json.member("Type", "k8s-file").object("Config").member("max-size", "5m").end();
    } else {
        json.member("Type", "local").object("Config");
        json.member("mode", "blocking")
            .member("max-size", "5m")
            .member("max-file", "2")
            .member("compress", "false")
            .end();
    }
    json.end();
}

std::string body(const ContainerPlan& plan, const NodePolicy& policy, const std::string& hash,
                 const std::string& owner)
{
    std::string out;
    base::JsonWriter json{out};
    json.object();
    write_process(json, plan, policy);
    json.object("Labels").member("agenthost.server", plan.server_id);
    json.member("agenthost.role", plan.installer ? "installer" : "server").member("agenthost.spec", hash);
    if (!owner.empty()) json.member(owner_label, owner);
    json.end();
    json.object("ExposedPorts");
    for (const PortMapping& port : plan.ports) json.object(port_key(port)).end();
    json.end();
    json.object("HostConfig");
    write_isolation(json, plan, policy);
    write_limits(json, plan, policy);
    write_ports(json, plan);
    write_life(json, policy);
    json.end().end();
    return out;
}

} // namespace

std::string spec_hash(const ContainerPlan& plan, const NodePolicy& policy)
{
    return base::hex(base::sha256(body(plan, policy, "", {})));
}

std::string create_body(const ContainerPlan& plan, const NodePolicy& policy, const std::string& owner)
{
    return body(plan, policy, spec_hash(plan, policy), owner);
}

} // namespace agenthost::docker
