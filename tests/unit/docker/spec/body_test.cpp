// From a payload to the body of POST /containers/create: the node's policy, golden bodies, and reading back.
#include "plugins/docker/spec/read_back.hpp"

#include "tests/unit/docker/spec/invariants.hpp"
#include "tests/unit/docker/spec/payloads.hpp"
#include "tests/unit/docker/spec/refused.hpp"

#include <gmock/gmock.h>

using namespace agenthost::docker;
using namespace agenthost::docker_test;
using nlohmann::ordered_json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

ServerPlan plan_of(const ordered_json& payload, const NodePolicy& policy = test_policy())
{
    return plan_server(read_create_server(payload.dump()), policy);
}

ordered_json with(const std::string& pointer, const ordered_json& value)
{
    ordered_json payload = document_payload();
    payload["eggConfig"][ordered_json::json_pointer{pointer}] = value;
    return payload;
}

TEST(CreateBody, IsGoldenForAServer)
{
    const NodePolicy policy = test_policy();
    const ServerPlan plan = plan_of(document_payload(), policy);
    const std::string hash = spec_hash(plan.server, policy);
    EXPECT_EQ(hash.size(), 64u);
    EXPECT_EQ(create_body(plan.server, policy),
              R"({"Image":"ghcr.io/pelican-eggs/yolks:java_17","User":"988:987",)"
              R"("Env":["HOME=/home/container","MINECRAFT_VERSION=1.20.4",)"
              R"("P_SERVER_UUID=server_123","SERVER_IP=0.0.0.0",)"
              R"("SERVER_JARFILE=server.jar","SERVER_MEMORY=1843","SERVER_PORT=25565"],)"
              R"("Entrypoint":["java"],"Cmd":["-Xms128M","-Xmx1843M","-jar","server.jar"],)"
              R"("WorkingDir":"/home/container",)"
              R"("StopSignal":"SIGTERM","OpenStdin":true,"StdinOnce":false,"Tty":false,)"
              R"("AttachStdin":false,"AttachStdout":false,"AttachStderr":false,)"
              R"("Labels":{"agenthost.server":"server_123","agenthost.role":"server","agenthost.spec":")" +
                  hash +
                  R"("},"ExposedPorts":{"25565/tcp":{},"24454/udp":{}},)"
                  R"("HostConfig":{"Privileged":false,"ReadonlyRootfs":true,"CapDrop":["ALL"],"CapAdd":[],)"
                  R"("SecurityOpt":["no-new-privileges"],"NetworkMode":"games","IpcMode":"private",)"
                  R"("PidMode":"","UTSMode":"",)"
                  R"("CgroupnsMode":"private","Binds":["/srv/games/server_123:/home/container:rw,Z"],)"
                  R"("Tmpfs":{"/tmp":"rw,nosuid,nodev,noexec,mode=1777,size=134217728"},)"
                  R"("Memory":2147483648,"MemorySwap":2147483648,"NanoCpus":2000000000,)"
                  R"("PidsLimit":512,"PublishAllPorts":false,)"
                  R"("PortBindings":{"25565/tcp":[{"HostIp":"0.0.0.0","HostPort":"25565"}],)"
                  R"("24454/udp":[{"HostIp":"0.0.0.0","HostPort":"25454"}]},"Init":true,"AutoRemove":false,)"
                  R"("RestartPolicy":{"Name":"no"},"LogConfig":{"Type":"local",)"
                  R"("Config":{"mode":"blocking","max-size":"5m",)"
                  R"("max-file":"2","compress":"false"}}}})");
}

TEST(CreateBody, IsGoldenForAnInstaller)
{
    const NodePolicy policy = test_policy();
    const ServerPlan plan = plan_of(document_payload(), policy);
    ASSERT_TRUE(plan.installer);
    EXPECT_EQ(plan.server.name, "agenthost-server_123");
    EXPECT_EQ(plan.installer->name, "agenthost-server_123_installer");
    EXPECT_EQ(plan.install_script, "#!/bin/ash\necho hi\n");
    EXPECT_EQ(
        create_body(*plan.installer, policy),
        R"({"Image":"docker.io/library/busybox:latest","User":"988:987",)"
        R"("Env":["HOME=/tmp","MINECRAFT_VERSION=1.20.4","P_SERVER_UUID=server_123","SERVER_IP=0.0.0.0",)"
        R"("SERVER_JARFILE=server.jar","SERVER_MEMORY=1843","SERVER_PORT=25565"],)"
        R"("Entrypoint":["ash"],"Cmd":["/mnt/install/install.sh"],"WorkingDir":"/mnt/server",)"
        R"("StopSignal":"SIGTERM","OpenStdin":false,"StdinOnce":false,"Tty":false,)"
        R"("AttachStdin":false,"AttachStdout":false,"AttachStderr":false,)"
        R"("Labels":{"agenthost.server":"server_123","agenthost.role":"installer","agenthost.spec":")" +
            spec_hash(*plan.installer, policy) +
            R"("},"ExposedPorts":{},)"
            R"("HostConfig":{"Privileged":false,"ReadonlyRootfs":true,"CapDrop":["ALL"],"CapAdd":[],)"
            R"("SecurityOpt":["no-new-privileges"],"NetworkMode":"games","IpcMode":"private",)"
            R"("PidMode":"","UTSMode":"",)"
            R"("CgroupnsMode":"private","Binds":["/srv/games/server_123:/mnt/server:rw,Z",)"
            R"("/srv/games/.install/server_123/script:/mnt/install:ro,Z",)"
            R"("/srv/games/.install/server_123/tmp:/tmp:rw,Z"],)"
            R"("Memory":2147483648,"MemorySwap":2147483648,"NanoCpus":2000000000,)"
            R"("PidsLimit":512,"PublishAllPorts":false,)"
            R"("PortBindings":{},"Init":true,"AutoRemove":false,"RestartPolicy":{"Name":"no"},)"
            R"("LogConfig":{"Type":"local","Config":{"mode":"blocking","max-size":"5m",)"
            R"("max-file":"2","compress":"false"}}}})");
}

TEST(CreateBody, FollowsTheEngineAndTheNode)
{
    NodePolicy policy = test_policy();
    policy.engine = {.podman = true, .api_minor = 40};
    policy.selinux = policy.init = false;
    policy.tmp_exec = true;
    policy.runtime = "runc";
    policy.max_open_files = 1024;
    policy.capabilities = {"CHOWN"};
    const json host =
        json::parse(create_body(plan_of(with("/limits/io", 300), policy).server, policy)).at("HostConfig");
    EXPECT_EQ(host.at("LogConfig"), (json{{"Type", "k8s-file"}, {"Config", {{"max-size", "5m"}}}}));
    EXPECT_FALSE(host.contains("CgroupnsMode"));
    EXPECT_EQ(host.at("Runtime"), "runc");
    EXPECT_EQ(host.at("Init"), false);
    EXPECT_EQ(host.at("CapAdd"), json{"CHOWN"});
    EXPECT_EQ(host.at("Binds"), json{"/srv/games/server_123:/home/container:rw"});
    EXPECT_EQ(host.at("Tmpfs").at("/tmp"), "rw,nosuid,nodev,exec,mode=1777,size=134217728");
    EXPECT_EQ(host.at("BlkioWeight"), 300);
    EXPECT_EQ(host.at("Ulimits"), json::parse(R"([{"Name": "nofile", "Soft": 1024, "Hard": 1024}])"));
}

TEST(CreateBody, HashTellsSpecificationsApart)
{
    NodePolicy policy = test_policy();
    const std::string hash = spec_hash(plan_of(document_payload(), policy).server, policy);
    EXPECT_EQ(spec_hash(plan_of(document_payload(), policy).server, policy), hash);
    EXPECT_NE(spec_hash(plan_of(with("/environment/X", "1"), policy).server, policy), hash);
    EXPECT_NE(spec_hash(plan_of(with("/limits/memory", "2047m"), policy).server, policy), hash);
    policy.uid = 5;
    EXPECT_NE(spec_hash(plan_of(document_payload(), policy).server, policy), hash);
}

TEST(CreateBody, RunsTheStartupInEachForm)
{
    const auto command = [](const ordered_json& payload) {
        const ContainerPlan plan = plan_of(payload).server;
        std::vector<std::string> words = plan.entrypoint;
        words.insert(words.end(), plan.command.begin(), plan.command.end());
        return words;
    };
    EXPECT_THAT(command(with("/startup", {"a", "{{SERVER_JARFILE}} x"})), ElementsAre("a", "server.jar x"));
    EXPECT_THAT(command(with("/startup", nullptr)), IsEmpty());
    ordered_json payload = with("/startup", "a {{SERVER_JARFILE}} | b");
    EXPECT_THAT(refusal([&] { command(payload); }), HasSubstr("startup: \"|\" at byte 21 needs a shell"));
    payload["eggConfig"]["shell"] = true;
    EXPECT_THAT(command(payload), ElementsAre("/bin/sh", "-c", "a 'server.jar' | b"));
    EXPECT_THAT(refusal([&] { command(with("/startup", "a {{NOPE}}")); }), HasSubstr("{{NOPE}} is unknown"));
    payload = with("/startup", nullptr);
    payload["eggConfig"]["shell"] = true;
    EXPECT_THAT(refusal([&] { command(payload); }), HasSubstr("startup: is missing"));
}

TEST(ServerPlan, FillsConfigurationEdits)
{
    const ServerPlan plan = plan_of(egg_payload());
    EXPECT_EQ(plan.files.at(0).edits.at(1).value, "25565");
    EXPECT_EQ(plan.data_folder, "/srv/games/server_123");
    EXPECT_THAT(
        refusal([] {
            plan_of(
                with("/files", ordered_json{{"a.ini", {{"parser", "ini"}, {"find", {{"k", "{{NOPE}}"}}}}}}));
        }),
        HasSubstr("files[\"a.ini\"].k: {{NOPE}} is unknown"));
}

TEST(ServerPlan, UsesTheNodesDefaultsAndBounds)
{
    const ServerPlan plan = plan_of(with("/limits", ordered_json::object()));
    EXPECT_EQ(plan.server.memory, 1ull << 30);
    EXPECT_EQ(plan.server.nano_cpus, 4'000'000'000ull);
    EXPECT_EQ(plan.server.processes, 512u);
    struct Row {
        const char* pointer;
        ordered_json value;
        const char* says;
    };
    const std::vector<Row> table{
        {"/image", "ghcr.io.evil.com/pelican-eggs/yolks", "is not allowed on this node"},
        {"/image", "alpine", "image: docker.io/library/alpine:latest is not allowed on this node"},
        {"/install/image", "alpine", "install.image: docker.io/library/alpine:latest is not allowed"},
        {"/limits/memory", "9g", "limits.memory: is more than this node gives to one server: 8GiB"},
        {"/limits/cpu", "5", "limits.cpu: is more than this node gives to one server: 400%"},
        {"/limits/pids", 1001, "limits.pids: is more than this node gives to one server: 1000"},
        {"/ports", ordered_json{{"1", 80}},
         "eggConfig.ports.1: port 80 is not within the ports of this node (25000-26000, 30000-30000)"},
        {"/ports", ordered_json{{"1", "127.0.0.1:25000"}},
         "address 127.0.0.1 is not one of bind_addresses of this node (0.0.0.0, 192.0.2.1)"},
        {"/ports", ordered_json{{"1", 25000}, {"2", 25000}}, "host port 25000 is used twice"},
        {"/ports", ordered_json{{"1", 25000}, {"2", "192.0.2.1:25000"}}, "host port 25000 is used twice"},
    };
    for (const Row& row : table)
        EXPECT_THAT(refusal([&] { plan_of(with(row.pointer, row.value)); }), HasSubstr(row.says))
            << row.value;
    EXPECT_NO_THROW(plan_of(with("/ports", ordered_json{{"1", 25000}, {"1/udp", 25000}})));
}

TEST(NodePolicy, RefusesWhatWouldWeakenTheNode)
{
    const auto said = [](const std::string& member) {
        ordered_json config = ordered_json::parse(R"({"data_dir": "/srv/games", "uid": 988, "gid": 988})");
        config.merge_patch(ordered_json::parse("{" + member + "}"));
        return refusal([&] { read_policy(config.dump()); });
    };
    EXPECT_EQ(said(R"("stats_interval": "5s")"), "accepted");
    EXPECT_THAT(said(R"("uid": 0)"), HasSubstr("uid: must be a whole number from 1"));
    EXPECT_THAT(said(R"("uid": null)"), HasSubstr("uid: is missing"));
    EXPECT_THAT(said(R"("gid": 0)"), HasSubstr("gid: "));
    EXPECT_THAT(said(R"("data_dir": null)"), HasSubstr("data_dir: is missing"));
    for (const char* path : {"/", "srv", "/a/../b", "/a:b", "/a//b", "/a/.", ""})
        EXPECT_THAT(said(R"("data_dir": ")" + std::string{path} + "\""), HasSubstr("data_dir: ")) << path;
    for (const char* network : {"host", "none", "container", "default", "container:x", "-x", ""})
        EXPECT_THAT(said(R"("network": ")" + std::string{network} + "\""), HasSubstr("network: ")) << network;
    for (const char* capability :
         {"SYS_ADMIN", "CAP_NET_ADMIN", "ALL", "NET_RAW", "MKNOD", "SYS_PTRACE", "chown"})
        EXPECT_THAT(said(R"("capabilities": [")" + std::string{capability} + "\"]"),
                    HasSubstr("capabilities[0]: "))
            << capability;
    EXPECT_EQ(said(R"("capabilities": ["CAP_CHOWN", "NET_BIND_SERVICE"])"), "accepted");
    EXPECT_THAT(said(R"("runtime": "--x")"), HasSubstr("runtime: "));
    EXPECT_THAT(said(R"("ports": ["9-1"])"), HasSubstr("ports[0]: "));
    EXPECT_THAT(said(R"("bind_addresses": ["localhost"])"), HasSubstr("bind_addresses[0]: "));
    EXPECT_THAT(said(R"("max_memory": "lots")"), HasSubstr("max_memory: "));
    EXPECT_THAT(said(R"("allow_images": ["*.io/x"])"), HasSubstr("allow_images[0]: "));
}

TEST(NodePolicy, ReadsCoresStrictly)
{
    const auto policy_with = [](const std::string& member) {
        return read_policy(R"({"data_dir": "/srv/games", "uid": 988, "gid": 988, )" + member + "}");
    };
    for (const char* cores : {"4", "\"4\"", "\"400%\"", "4.0"}) {
        EXPECT_EQ(policy_with(R"("max_cpu": )" + std::string{cores}).max_nano_cpus, 4'000'000'000u) << cores;
        EXPECT_EQ(policy_with(R"("default_cpu": )" + std::string{cores}).default_nano_cpus, 4'000'000'000u)
            << cores;
    }
    for (const char* cores :
         {"\"4x\"", "\"4 \"", "\" 4\"", "\"0x4\"", "\"+4\"", "\"4e0\"", "\"4,5\"", "\"4%%\"", "\"%\"",
          "\"inf\"", "\"nan\"", "\"\"", "\"-4\"", "0", "-4", "1e9", "true", "[4]", "{\"cores\": 4}"})
        for (const std::string key : {"max_cpu", "default_cpu"})
            EXPECT_THAT(refusal([&] { policy_with("\"" + key + "\": " + cores); }), HasSubstr(key + ": "))
                << cores;
}

// What an engine answers when it did all that the body asks for.
json inspect_of(const std::string& body)
{
    const json asked = json::parse(body);
    json config = asked, host = asked.at("HostConfig");
    config.erase("HostConfig");
    config["Env"].push_back("PATH=/bin");
    json mounts = json::array();
    for (const std::string bind : host.at("Binds")) {
        const auto first = bind.find(':'), second = bind.find(':', first + 1);
        mounts.push_back({{"Type", "bind"},
                          {"Source", bind.substr(0, first)},
                          {"Destination", bind.substr(first + 1, second - first - 1)},
                          {"RW", true},
                          {"Propagation", "rprivate"}});
    }
    return {{"Id", "abc"}, {"Config", config}, {"HostConfig", host}, {"Mounts", mounts}};
}

TEST(ReadBack, AcceptsWhatWasAskedFor)
{
    const NodePolicy policy = test_policy();
    const ServerPlan plan = plan_of(document_payload(), policy);
    for (const ContainerPlan& container : {plan.server, *plan.installer}) {
        const std::string body = create_body(container, policy);
        EXPECT_THAT(read_back(body, inspect_of(body).dump()), IsEmpty());
    }
    // Podman's way to print the same.
    const std::string body = create_body(plan.server, policy);
    json podman = inspect_of(body);
    podman["HostConfig"]["CapDrop"] = {"CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",    "CAP_FSETID",
                                       "CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",   "CAP_SETGID",
                                       "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT"};
    podman["HostConfig"]["CapAdd"] = nullptr;
    podman["HostConfig"]["Tmpfs"]["/tmp"] =
        "noexec,rprivate,nosuid,nodev,tmpcopyup,mode=1777,size=134217728,rw";
    podman["HostConfig"]["NetworkMode"] = "bridge";
    podman["NetworkSettings"]["Networks"]["games"] = {{"NetworkID", "games"}};
    podman["Mounts"].push_back({{"Type", "tmpfs"}, {"Destination", "/tmp"}});
    EXPECT_THAT(read_back(body, podman.dump()), IsEmpty());
}

TEST(ReadBack, SaysWhatDiffers)
{
    const NodePolicy policy = test_policy();
    const std::string body = create_body(plan_of(document_payload(), policy).server, policy);
    struct Row {
        const char* pointer;
        json value;
        const char* says;
    };
    const std::vector<Row> table{
        {"/Config/Image", "x", "Config.Image is \"x\", not \"ghcr.io/pelican-eggs/yolks:java_17\""},
        {"/Config/User", "", "runs as another user"},
        {"/Config/Tty", true, "Config.Tty is true"},
        {"/Config/Entrypoint", {"/bin/sh"}, "another program runs"},
        {"/Config/Env", json::array(), "Config.Env lacks the value of SERVER_JARFILE"},
        {"/Config/Labels", json::object(), "Config.Labels[agenthost.server]"},
        {"/Config/StopSignal", "SIGKILL", "another signal"},
        {"/HostConfig/Memory", 0,
         "HostConfig.Memory is 0, not 2147483648: the engine did not apply the memory limit."},
        {"/HostConfig/MemorySwap", -1, "did not forbid swap"},
        {"/HostConfig/NanoCpus", nullptr, "CPU limit"},
        {"/HostConfig/PidsLimit", nullptr, "limit of processes"},
        {"/HostConfig/ReadonlyRootfs", false, "the root file system is writable"},
        {"/HostConfig/NetworkMode", "host", "HostConfig.NetworkMode is host: the server shares a namespace"},
        {"/HostConfig/PortBindings", nullptr, "other ports are published"},
        {"/HostConfig/RestartPolicy/Name", "always", "would start the server by itself"},
        {"/HostConfig/CapDrop", nullptr, "capabilities are left"},
        {"/HostConfig/CapAdd", {"CAP_SYS_ADMIN"}, "HostConfig.CapAdd has CAP_SYS_ADMIN"},
        {"/HostConfig/SecurityOpt", nullptr, "lacks no-new-privileges"},
        {"/HostConfig/SecurityOpt", {"no-new-privileges", "seccomp=unconfined"}, "seccomp=unconfined"},
        {"/HostConfig/Privileged", true, "HostConfig.Privileged is true"},
        {"/HostConfig/Devices", {{{"PathOnHost", "/dev/mem"}}}, "HostConfig.Devices"},
        {"/HostConfig/PidMode", "host", "HostConfig.PidMode is host"},
        {"/HostConfig/IpcMode", "container:x", "HostConfig.IpcMode is container:x"},
        {"/HostConfig/UsernsMode", "host", "HostConfig.UsernsMode is host"},
        {"/HostConfig/Sysctls", {{"kernel.x", "1"}}, "HostConfig.Sysctls"},
        {"/HostConfig/VolumesFrom", {"x"}, "HostConfig.VolumesFrom"},
        {"/HostConfig/LogConfig/Type", "none", "HostConfig.LogConfig.Type"},
        {"/HostConfig/Tmpfs", nullptr, "lacks nosuid"},
        {"/Mounts", json::array(), "the folder /srv/games/server_123:/home/container is not mounted"},
        {"/Mounts/1",
         {{"Type", "volume"}, {"Source", "/v"}, {"Destination", "/data"}},
         "a volume is mounted at /data"},
        {"/Mounts/0/Source", "/", "a bind is mounted at /home/container"},
        {"/Mounts/0/Propagation", "rshared", "mounts would reach the host"},
    };
    for (const Row& row : table) {
        json answer = inspect_of(body);
        answer[json::json_pointer{row.pointer}] = row.value;
        EXPECT_THAT(read_back(body, answer.dump()), Contains(HasSubstr(row.says))) << row.pointer;
        for (const std::string& sentence : read_back(body, answer.dump()))
            EXPECT_EQ(sentence.find("server.jar"), std::string::npos);
    }
    for (const char* broken :
         {"", "[]", "{}", "{\"HostConfig\":[],\"Config\":{}}", "{\"Config\":5,\"HostConfig\":{}}"})
        EXPECT_THAT(read_back(body, broken), ElementsAre(HasSubstr("not readable"))) << broken;
    EXPECT_THAT(read_back("x", "{}"), ElementsAre(HasSubstr("request")));
}

} // namespace
