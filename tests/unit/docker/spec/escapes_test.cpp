// Attempts to leave the container through create_server: by every key and every string, in both forms of a
// payload. Each is refused with its path, or the bodies keep every promise of invariants.hpp.
#include "tests/unit/docker/spec/invariants.hpp"
#include "tests/unit/docker/spec/payloads.hpp"
#include "tests/unit/docker/spec/refused.hpp"

#include <gmock/gmock.h>

#include <random>

using namespace agenthost::docker;
using namespace agenthost::docker_test;
using nlohmann::ordered_json;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

// Where members of an object of the engine's API, of compose files or of Pterodactyl would weaken isolation.
const std::vector<std::pair<const char*, const char*>> weakening_members{
    {"privileged", "true"},
    {"Privileged", "1"},
    {"script_is_privileged", "true"},
    {"HostConfig", R"({"Binds": ["/:/host"]})"},
    {"host_config", R"({"Privileged": true})"},
    {"Binds", R"(["/:/host:rw"])"},
    {"mounts", R"([{"source": "/etc", "target": "/host", "read_only": false}])"},
    {"Mounts", R"([{"Type": "bind", "Source": "/", "Target": "/h"}])"},
    {"volumes", R"(["/var/run/docker.sock:/var/run/docker.sock"])"},
    {"VolumesFrom", R"(["agenthost-other"])"},
    {"devices", R"(["/dev/mem:/dev/mem"])"},
    {"DeviceRequests", R"([{"Count": -1, "Capabilities": [["gpu"]]}])"},
    {"DeviceCgroupRules", R"(["a *:* rwm"])"},
    {"gpus", R"("all")"},
    {"cap_add", R"(["SYS_ADMIN"])"},
    {"CapAdd", R"(["ALL"])"},
    {"CapDrop", R"(["NONE"])"},
    {"capabilities", R"(["NET_ADMIN"])"},
    {"security_opt", R"(["seccomp=unconfined"])"},
    {"SecurityOpt", R"(["apparmor=unconfined", "label=disable"])"},
    {"seccomp", R"("unconfined")"},
    {"apparmor_profile", R"("unconfined")"},
    {"sysctls", R"({"kernel.core_pattern": "|/x"})"},
    {"network_mode", R"("host")"},
    {"NetworkMode", R"("container:agenthost-other")"},
    {"networks", R"(["host"])"},
    {"NetworkingConfig", R"({"EndpointsConfig": {"other": {}}})"},
    {"force_outgoing_ip", "true"},
    {"pid", R"("host")"},
    {"PidMode", R"("host")"},
    {"ipc", R"("host")"},
    {"IpcMode", R"("shareable")"},
    {"uts", R"("host")"},
    {"UTSMode", R"("host")"},
    {"userns_mode", R"("host")"},
    {"cgroup", R"("host")"},
    {"CgroupnsMode", R"("host")"},
    {"cgroup_parent", R"("/")"},
    {"runtime", R"("evil")"},
    {"user", R"("root")"},
    {"User", R"("0:0")"},
    {"gid", "999"},
    {"group_add", R"(["docker"])"},
    {"read_only", "false"},
    {"ReadonlyRootfs", "false"},
    {"no_new_privileges", "false"},
    {"MaskedPaths", "[]"},
    {"ReadonlyPaths", "[]"},
    {"tmpfs", R"(["/run:exec,suid"])"},
    {"shm_size", R"("100g")"},
    {"ulimits", R"({"nofile": 1000000})"},
    {"oom_disabled", "true"},
    {"OomScoreAdj", "-1000"},
    {"labels", R"({"agenthost.server": "other"})"},
    {"hostname", R"("host")"},
    {"extra_hosts", R"(["host:host-gateway"])"},
    {"dns", R"(["192.0.2.66"])"},
    {"links", R"(["other:x"])"},
    {"RestartPolicy", R"({"Name": "always"})"},
    {"AutoRemove", "true"},
    {"PublishAllPorts", "true"},
    {"ContainerIDFile", R"("/etc/cron.d/x")"},
    {"log_config", R"({"type": "syslog"})"},
    {"StorageOpt", R"({"size": "1T"})"},
};

const std::vector<const char*> document_places{"",
                                               "/eggConfig",
                                               "/eggConfig/limits",
                                               "/eggConfig/install",
                                               "/eggConfig/stop",
                                               "/eggConfig/files/server.properties"};
const std::vector<const char*> egg_places{"",
                                          "/eggConfig",
                                          "/limits",
                                          "/eggConfig/config",
                                          "/eggConfig/scripts",
                                          "/eggConfig/scripts/installation",
                                          "/eggConfig/variables/0"};

std::string outcome(const ordered_json& payload, const std::string& what)
{
    static const NodePolicy policy = test_policy();
    return refusal([&] { EXPECT_THAT(violations_of(payload.dump(), policy), IsEmpty()) << what; });
}

ordered_json document_with_stop()
{
    ordered_json payload = document_payload();
    payload["eggConfig"]["stop"] = {{"signal", "SIGINT"}};
    return payload;
}

TEST(Escapes, MembersThatWeakenIsolationAreRefusedEverywhere)
{
    EXPECT_GE(weakening_members.size(), 60u);
    int refused = 0;
    const auto attempt = [&](ordered_json payload, const std::string& place, const char* key,
                             const char* value) {
        payload[ordered_json::json_pointer{place}][key] = ordered_json::parse(value);
        const std::string said = outcome(payload, place + " " + key);
        EXPECT_THAT(said, HasSubstr("would weaken the isolation")) << place << " " << key;
        EXPECT_THAT(said, HasSubstr(key)) << place;
        ++refused;
    };
    for (const auto& [key, value] : weakening_members) {
        for (const char* place : document_places) attempt(document_with_stop(), place, key, value);
        for (const char* place : egg_places) attempt(egg_payload(), place, key, value);
    }
    EXPECT_EQ(refused,
              static_cast<int>(weakening_members.size() * (document_places.size() + egg_places.size())));
}

TEST(Escapes, MembersHiddenInUnknownOnesAreRefused)
{
    for (const auto& [key, value] : weakening_members) {
        ordered_json payload = document_payload();
        payload["eggConfig"]["x-extra"] = {{"list", {ordered_json{{key, ordered_json::parse(value)}}}}};
        EXPECT_THAT(outcome(payload, key), HasSubstr("would weaken the isolation")) << key;
    }
}

// Strings that are dangerous somewhere: paths, options, references, shell, JSON, environment.
const std::vector<std::string> hostile{
    "/:/host", "../../etc/passwd", "/etc/shadow", "/var/run/docker.sock:/var/run/docker.sock", "x:/y:rw,Z",
    "host", "container:agenthost-other", "0:0", "root", "ghcr.io.evil.com/pelican-eggs/yolks:java_21",
    "ghcr.io@evil.com/pelican-eggs/yolks", "ghcr.io/pelican-eggs/yolks@sha256:0",
    "ghcr.io/pelican-eggs/../evil/x", "sha256:" + std::string(64, 'a'), "alpine", "$(touch /pwned)", "`id`",
    "'; rm -rf / #", "a\",\"HostConfig\":{\"Privileged\":true},\"x\":\"", "{{NOPE}}",
    "{{{{SERVER_JARFILE}}}}", std::string{"nul\0byte", 8}, "line\nbreak", "carriage\rreturn",
    "A=B\nLD_PRELOAD=/x", "\xe2\x80\xae\xf0\x9f\x92\xa3", "seccomp=unconfined", "--privileged",
    "SIGKILL; reboot", "999999999999999999999", "-1",
    // more than any value but a script may have
    std::string(20000, 'A')};

void every_pointer(const ordered_json& value, const std::string& at, std::vector<std::string>& out)
{
    out.push_back(at);
    if (value.is_object())
        for (const auto& [key, member] : value.items()) {
            std::string escaped;
            for (const char c : key)
                escaped += c == '~' ? std::string{"~0"} : c == '/' ? std::string{"~1"} : std::string{c};
            every_pointer(member, at + "/" + escaped, out);
        }
    if (value.is_array())
        for (std::size_t i = 0; i < value.size(); ++i)
            every_pointer(value[i], at + "/" + std::to_string(i), out);
}

TEST(Escapes, EveryValueReplacedByEveryHostileStringIsRefusedOrHarmless)
{
    int refused = 0, harmless = 0;
    for (const ordered_json& base : {document_payload(), egg_payload()}) {
        std::vector<std::string> pointers;
        every_pointer(base, "", pointers);
        for (const std::string& pointer : pointers)
            for (const std::string& text : hostile) {
                if (pointer.empty()) continue;
                ordered_json payload = base;
                payload[ordered_json::json_pointer{pointer}] = text;
                const std::string said = outcome(payload, pointer + " = " + text.substr(0, 40));
                (said == "accepted" ? harmless : refused) += 1;
                EXPECT_LT(said.size(), 2000u) << pointer;
            }
    }
    EXPECT_GT(refused, 800);
    EXPECT_GT(harmless, 100); // names, descriptions, values of variables
}

TEST(Escapes, ScriptsHaveABoundOfTheirOwn)
{
    ordered_json payload = document_payload();
    payload["eggConfig"]["install"]["script"] = std::string(300000, 'A');
    EXPECT_THAT(outcome(payload, "script"), HasSubstr("eggConfig.install.script"));
    payload = egg_payload();
    payload["eggConfig"]["scripts"]["installation"]["script"] = std::string(300000, 'A');
    EXPECT_THAT(outcome(payload, "script"), HasSubstr("eggConfig.scripts.installation.script"));
}

TEST(Escapes, EveryKeyReplacedByEveryHostileStringIsRefusedOrHarmless)
{
    int tried = 0;
    for (const ordered_json& base : {document_payload(), egg_payload()}) {
        std::vector<std::string> pointers;
        every_pointer(base, "", pointers);
        for (const std::string& pointer : pointers) {
            if (!base.at(ordered_json::json_pointer{pointer}).is_object()) continue;
            for (const std::string& key : hostile)
                for (const ordered_json& value :
                     {ordered_json("x"), ordered_json(25565), ordered_json{{"parser", "ini"}}}) {
                    ordered_json payload = base;
                    payload[ordered_json::json_pointer{pointer}][key] = value;
                    outcome(payload, pointer + " + " + key.substr(0, 40));
                    ++tried;
                }
        }
    }
    EXPECT_GT(tried, 1000);
}

TEST(Escapes, ValuesOfVariablesStayTextInTheArguments)
{
    for (const std::string& text : hostile) {
        if (text.size() > 1000 || text.find_first_of(std::string{"\0\n\r", 3}) != std::string::npos) continue;
        ordered_json payload = document_payload();
        payload["eggConfig"]["environment"]["SERVER_JARFILE"] = text;
        const NodePolicy policy = test_policy();
        const ServerPlan plan = plan_server(read_create_server(payload.dump()), policy);
        EXPECT_EQ(plan.server.command, (std::vector<std::string>{"-Xms128M", "-Xmx1843M", "-jar", text}));
        const json body = json::parse(create_body(plan.server, policy));
        EXPECT_EQ(body.at("Cmd").at(3), text);
    }
}

// Random payloads made of the right keys, hostile keys and hostile values; the seed names a failure.
class RandomPayload {
public:
    explicit RandomPayload(unsigned seed) : random_{seed} {}

    ordered_json make()
    {
        ordered_json payload = chance(2) ? document_payload() : egg_payload();
        for (int changes = 1 + pick(5); changes > 0; --changes) change(payload);
        return payload;
    }

private:
    int pick(std::size_t count) { return static_cast<int>(random_() % count); }
    bool chance(std::size_t one_in) { return pick(one_in) == 0; }
    template <class List> const auto& one_of(const List& list)
    {
        return list[static_cast<std::size_t>(pick(list.size()))];
    }

    std::string text()
    {
        static const std::vector<std::string> harmless{"busybox", "ghcr.io/pelican-eggs/yolks:java_8",
                                                       "25600",   "192.0.2.1:25700",
                                                       "512m",    "1.5",
                                                       "^C",      "{{SERVER_PORT}}"};
        return chance(2) ? one_of(harmless) : one_of(hostile).substr(0, 2000);
    }
    ordered_json value(int depth)
    {
        switch (pick(depth > 2 ? 5 : 8)) {
        case 0: return nullptr;
        case 1: return chance(2);
        case 2: return pick(70000) - 1000;
        case 3:
        case 4: return text();
        case 5: return ordered_json::array({value(depth + 1), value(depth + 1)});
        case 6: return ordered_json{{key(), value(depth + 1)}, {key(), value(depth + 1)}};
        default: return ordered_json{{"25565", value(depth + 1)}, {"script", text()}, {"image", text()}};
        }
    }
    std::string key()
    {
        static const std::vector<std::string> known{
            "image",  "ports",  "environment", "limits", "startup",   "shell", "stop",  "done",
            "query",  "files",  "install",     "memory", "cpu",       "pids",  "bind",  "port",
            "script", "signal", "command",     "rules",  "container", "find",  "parser"};
        return chance(3)   ? one_of(weakening_members).first
               : chance(4) ? text().substr(0, 100)
                           : one_of(known);
    }
    void change(ordered_json& payload)
    {
        std::vector<std::string> pointers;
        every_pointer(payload, "", pointers);
        ordered_json& place = payload[ordered_json::json_pointer{one_of(pointers)}];
        if (place.is_object() && chance(2))
            place[key()] = value(0);
        else if (!place.is_object() || chance(4))
            place = value(0);
    }

    std::mt19937 random_;
};

TEST(Escapes, RandomPayloadsKeepEveryPromise)
{
    int refused = 0, accepted = 0;
    for (unsigned seed = 0; seed < 3000; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const ordered_json payload = RandomPayload{seed}.make();
        const std::string said = outcome(payload, "random");
        (said == "accepted" ? accepted : refused) += 1;
        if (testing::Test::HasFailure()) break;
    }
    EXPECT_GT(refused, 500);
    EXPECT_GT(accepted, 100);
}

} // namespace
