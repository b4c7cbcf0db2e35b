// Payloads of create_server: the document's form and egg files, their parts, and what is wrong with them.
#include "plugins/docker/spec/egg.hpp"

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
using testing::SizeIs;

namespace {

ServerSpec read(const ordered_json& payload) { return read_create_server(payload.dump()); }

// The document's payload with one value replaced.
ordered_json with(const std::string& pointer, const ordered_json& value)
{
    ordered_json payload = document_payload();
    payload["eggConfig"][ordered_json::json_pointer{pointer}] = value;
    return payload;
}

TEST(Egg, ReadsTheDocumentsForm)
{
    const ServerSpec spec = read(document_payload());
    EXPECT_EQ(spec.id, "server_123");
    EXPECT_EQ(spec.name, "minecraft-java");
    EXPECT_EQ(spec.image.canonical(), "ghcr.io/pelican-eggs/yolks:java_17");
    ASSERT_EQ(spec.ports.size(), 2u);
    EXPECT_EQ(spec.ports[0].container, 25565);
    EXPECT_EQ(spec.ports[1].host, 25454);
    EXPECT_EQ(spec.ports[1].transport, Transport::udp);
    EXPECT_EQ(spec.limits.memory, 2048ull << 20);
    EXPECT_EQ(spec.limits.memory_text, "2048m");
    EXPECT_EQ(spec.limits.nano_cpus, 2'000'000'000ull);
    EXPECT_EQ(spec.limits.disk, 5ull << 30);
    EXPECT_EQ(spec.stop.command, "stop");
    ASSERT_EQ(spec.done.size(), 1u);
    EXPECT_TRUE(spec.done[0].found_in("[12:00] Done (1s)! For help, type \"help\""));
    EXPECT_EQ(spec.query, Query::minecraft);
    ASSERT_EQ(spec.files.size(), 1u);
    EXPECT_EQ(spec.files[0].edits[0].where, "server-port");
    ASSERT_TRUE(spec.installer);
    EXPECT_EQ(spec.installer->script, "#!/bin/ash\necho hi\n");
    EXPECT_THAT(spec.notes, IsEmpty());
}

TEST(Egg, ReadsAnEggFileAsItIs)
{
    const ServerSpec spec = read(egg_payload());
    EXPECT_EQ(spec.name, "Paper");
    EXPECT_EQ(spec.image.canonical(), "ghcr.io/pelican-eggs/yolks:java_21");
    EXPECT_EQ(spec.environment.at("SERVER_JARFILE"), "paper.jar");
    EXPECT_EQ(spec.environment.at("BUILD_NUMBER"), "latest");
    EXPECT_EQ(spec.limits.memory, 1ull << 30);
    EXPECT_EQ(spec.stop.command, "stop");
    EXPECT_EQ(spec.done.at(0).text, ")! For help, type ");
    EXPECT_EQ(spec.files.at(0).edits.size(), 2u);
    EXPECT_EQ(spec.installer->script, "#!/bin/ash\ncd /mnt/server\n");
    EXPECT_EQ(spec.installer->image.canonical(), "ghcr.io/pelican-eggs/installers:alpine");
    EXPECT_THAT(spec.notes, IsEmpty());
}

TEST(Egg, ReadsAnEggFileInsideTheDocumentsForm)
{
    ordered_json payload = document_payload();
    payload["eggConfig"] = {{"egg", egg_payload()["eggConfig"]},
                            {"image", "Java 17"},
                            {"startup", nullptr},
                            {"stop", "^C"},
                            {"done", {"a", "b"}},
                            {"environment", {{"BUILD_NUMBER", 12}}}};
    const ServerSpec spec = read(payload);
    EXPECT_EQ(spec.image.canonical(), "ghcr.io/pelican-eggs/yolks:java_17");
    EXPECT_EQ(spec.stop.signal, "SIGINT");
    EXPECT_EQ(spec.stop.command, "");
    EXPECT_EQ(spec.done.size(), 2u);
    EXPECT_EQ(spec.environment.at("BUILD_NUMBER"), "12");
    EXPECT_THAT(spec.startup.line, HasSubstr("java"));
}

TEST(Egg, ReadsOlderAndNewerVersions)
{
    ordered_json payload = egg_payload();
    ordered_json& egg = payload["eggConfig"];
    egg["meta"]["version"] = "PTDL_v1";
    egg.erase("docker_images");
    egg["images"] = {"ghcr.io/pelican-eggs/yolks:java_8", "ghcr.io/pelican-eggs/yolks:java_11"};
    EXPECT_EQ(read(payload).image.tag, "java_8");
    egg.erase("images");
    egg["image"] = "busybox:1";
    EXPECT_EQ(read(payload).image.canonical(), "docker.io/library/busybox:1");

    egg = egg_payload()["eggConfig"];
    egg["meta"]["version"] = "PLCN_v3";
    egg["image"] = "data:image/svg+xml;base64,AAAA";
    egg.erase("startup");
    egg["startup_commands"] = {{"Default", "java -jar a"}, {"Debug", "java -jar b"}};
    egg["config"]["files"] = ordered_json::array();
    egg["config"]["startup"] = {{"done", {"x", "regex:^y+$"}}, {"strip_ansi", true}};
    const ServerSpec spec = read(payload);
    EXPECT_EQ(spec.startup.line, "java -jar a");
    EXPECT_TRUE(spec.strip_colors);
    EXPECT_TRUE(spec.done.at(1).found_in("yyy"));
    EXPECT_FALSE(spec.done.at(1).found_in("regex:^y+$"));
    payload["startup"] = "Debug";
    EXPECT_EQ(read(payload).startup.line, "java -jar b");
    payload["eggConfig"]["meta"]["version"] = "PTDL_v9"; // `egg` dangles
    EXPECT_THAT(refusal([&] { read(payload); }),
                HasSubstr("eggConfig.meta.version: \"PTDL_v9\" is not a supported version"));
}

// As panels and people write them.
TEST(Egg, ReadsOddFieldsOfEggFilesInUse)
{
    const ordered_json whole = egg_payload();
    const auto odd = [&](const char* pointer, const ordered_json& value) {
        ordered_json payload = whole;
        payload["eggConfig"][ordered_json::json_pointer{pointer}] = value;
        return read(payload);
    };
    const ordered_json list{"ghcr.io/pelican-eggs/yolks:java_11", "ghcr.io/pelican-eggs/yolks:java_8"};
    EXPECT_EQ(odd("/docker_images", list).image.tag, "java_11");
    EXPECT_THAT(odd("/file_denylist", "").file_denylist, IsEmpty());
    EXPECT_THAT(odd("/file_denylist", ordered_json::object()).file_denylist, IsEmpty());
    EXPECT_THAT(odd("/file_denylist", nullptr).file_denylist, IsEmpty());
    EXPECT_THAT(odd("/file_denylist", {{"0", "a.key"}, {"2", "b.key"}}).file_denylist,
                ElementsAre("a.key", "b.key"));
    for (const ordered_json& nothing : {ordered_json(""), ordered_json(nullptr), ordered_json::array()})
        EXPECT_THAT(odd("/features", nothing).notes, IsEmpty());
    EXPECT_EQ(odd("/config/stop", "^^C").stop.signal, "SIGINT");
    EXPECT_THAT(odd("/config/files", "").files, IsEmpty());
    EXPECT_THAT(odd("/config/files", "[]").files, IsEmpty());
    EXPECT_THAT(odd("/config/startup", "{}").done, IsEmpty());
    EXPECT_THAT(odd("/config/startup", R"({"done":["a"],"userInteraction":[],"strip_ansi":false})").done,
                SizeIs(1));
    EXPECT_TRUE(odd("/scripts/installation/entrypoint", "").installer);
    EXPECT_FALSE(odd("/scripts/installation/script", nullptr).installer);
    EXPECT_EQ(odd("/variables/1/default_value", 12).environment.at("BUILD_NUMBER"), "12");
    EXPECT_EQ(odd("/variables/0/user_viewable", 1).name, "Paper");
    EXPECT_TRUE(odd("/variables/1/env_variable", "7DAYS_SEED").environment.contains("7DAYS_SEED"));
}

TEST(Egg, ReadsConditionalEdits)
{
    const ServerSpec spec =
        read(with("/files", ordered_json::parse(R"({"config.yml": {"parser": "yaml", "find": {
        "listeners[0].host": "0.0.0.0:{{server.build.default.port}}", "max": 20, "on": true, "none": null,
        "servers.*.address": {"regex:^(127\\.0\\.0\\.1|localhost)(:\\d{1,5})?$":
        "{{config.docker.interface}}$2", "old": "new"}}}})")));
    const auto& edits = spec.files.at(0).edits;
    ASSERT_EQ(edits.size(), 6u);
    EXPECT_FALSE(edits[1].quoted);
    EXPECT_EQ(edits[1].value, "20");
    EXPECT_EQ(edits[2].value, "true");
    EXPECT_EQ(edits[3].value, "null");
    EXPECT_TRUE(edits[4].if_value->found_in("localhost:1"));
    EXPECT_FALSE(edits[4].if_value->found_in("example.com"));
    EXPECT_EQ(edits[5].if_value->text, "old");
}

TEST(Egg, ReadsEveryFormOfPorts)
{
    const ServerSpec spec = read(with("/ports", ordered_json::parse(R"({"1": 2, "3/tcp": "4",
        "5-7/udp": "105-107", "8-9": 208, "10": "192.0.2.1:11", "12": "[2001:db8::1]:13",
        "14": {"port": 15, "bind": "127.0.0.1"}, "1/udp": 2})")));
    std::vector<std::string> lines;
    for (const PortMapping& port : spec.ports)
        lines.push_back(std::to_string(port.container) + (port.transport == Transport::udp ? "u" : "t") +
                        std::to_string(port.host) + (port.bind ? "@" + port.bind->text() : ""));
    EXPECT_THAT(lines, ElementsAre("1t2", "3t4", "5u105", "6u106", "7u107", "8t208", "9t209",
                                   "10t11@192.0.2.1", "12t13@2001:db8::1", "14t15@127.0.0.1", "1u2"));
}

TEST(Egg, ReadsEveryFormOfStop)
{
    const auto stop = [](const ordered_json& value) { return read(with("/stop", value)).stop; };
    EXPECT_EQ(stop("^C").signal, "SIGINT");
    EXPECT_EQ(stop("^SIGQUIT").signal, "SIGQUIT");
    EXPECT_EQ(stop("^").signal, "SIGTERM");
    EXPECT_EQ(stop("^^C").signal, "SIGINT") << "as most egg files in use write it";
    EXPECT_EQ(stop("^^C").command, "");
    EXPECT_EQ(stop("^^").signal, "SIGTERM");
    EXPECT_THAT(refusal([&] { stop("^^X"); }), HasSubstr("\"X\" is not a stop signal"));
    EXPECT_EQ(stop({{"signal", "int"}, {"timeout", 30}}).signal, "SIGINT");
    EXPECT_EQ(stop({{"signal", 15}}).signal, "SIGTERM");
    EXPECT_EQ(stop({{"command", "quit"}, {"timeout", "5"}}).timeout, std::chrono::seconds{5});
    EXPECT_EQ(stop(nullptr).signal, "SIGTERM");
}

TEST(Egg, ReadsLimitsInTheirUnits)
{
    const auto limits = [](const char* text) {
        return read(with("/limits", ordered_json::parse(text))).limits;
    };
    EXPECT_EQ(limits(R"({"memory": "16GB"})").memory, 16ull << 30);
    EXPECT_EQ(limits(R"({"memory": 1073741824})").memory, 1ull << 30);
    EXPECT_EQ(limits(R"({"cpu": 1.5})").nano_cpus, 1'500'000'000ull);
    EXPECT_EQ(limits(R"({"cpu": "50%"})").nano_cpus, 500'000'000ull);
    EXPECT_EQ(limits(R"({"pids": 100, "io": 500, "swap": 0, "disk": "0"})").processes, 100u);
    EXPECT_FALSE(limits("{}").memory);
    EXPECT_THAT(read(with("/limits", {{"threads", "0-3"}})).notes,
                ElementsAre("eggConfig.limits.threads: is not used."));
}

TEST(Egg, AcceptsArgumentsAsAnArray)
{
    const ServerSpec spec = read(with("/startup", {"java", "-jar", "{{SERVER_JARFILE}} x"}));
    EXPECT_THAT(spec.startup.argv, ElementsAre("java", "-jar", "{{SERVER_JARFILE}} x"));
}

// A payload with one member changed, and a part of what is said about it.
struct Wrong {
    const char* pointer;
    ordered_json value;
    const char* says;
};

void expect_refusals(const std::vector<Wrong>& table)
{
    for (const Wrong& row : table)
        EXPECT_THAT(refusal([&] { read(with(row.pointer, row.value)); }), HasSubstr(row.says))
            << row.pointer << " " << row.value;
}

const std::string nul{"a\0b", 3};

TEST(Egg, SaysWhereTheImageOrALimitIsWrong)
{
    expect_refusals({
        {"/image", nullptr, "eggConfig: image is missing"},
        {"/image", 5, "eggConfig.image: must be a string, not a number"},
        {"/image", "UPPER", "eggConfig.image: \"UPPER\" contains upper case"},
        {"/limits/memory", "lots", "eggConfig.limits.memory: \"lots\" is not a size"},
        {"/limits/memory", 2048, "Write \"2048m\" for 2048 MiB"},
        {"/limits/memory", "0", "below the minimum of 16MiB"},
        {"/limits/memory", -1, "is not a size"},
        {"/limits/memory", {"1g"}, "must be a string, a number"},
        {"/limits/cpu", "0", "is not a number of cores"},
        {"/limits/cpu", "nan", "is not a number of cores"},
        {"/limits/cpu", 1e9, "is not a number of cores"},
        {"/limits/pids", 0, "eggConfig.limits.pids: must be a whole number from 1 to 1000000"},
        {"/limits/io", 5, "from 10 to 1000"},
        {"/limits/swap", "1g", "servers have no swap"},
        {"/limits/swap", -1, "is not a size"},
        {"/limits", "2g", "eggConfig.limits: must be an object"},
    });
}

TEST(Egg, SaysWhereAPortIsWrong)
{
    expect_refusals({
        {"/ports", ordered_json{{"x", 1}}, "eggConfig.ports.x: \"x\" is not a port"},
        {"/ports", ordered_json{{"1/sctp", 1}}, "eggConfig.ports[\"1/sctp\"]: \"sctp\" is not a transport"},
        {"/ports", ordered_json{{"1", 0}}, "\"0\" is not a port"},
        {"/ports", ordered_json{{"1", 65536}}, "is not a port"},
        {"/ports", ordered_json{{"1", "example.com:5"}}, "is not an IP address"},
        {"/ports", ordered_json{{"1-3", "1-2"}}, "same length"},
        {"/ports", ordered_json{{"3-1", 5}}, "ends before it begins"},
        {"/ports", ordered_json{{"1-3", 65534}}, "beyond port 65535"},
        {"/ports", ordered_json{{"1-65535", 1}}, "more than 512 ports"},
        {"/ports", ordered_json{{"1", 2}, {"1/tcp", 3}}, "port 1 is mapped twice"},
        {"/ports", ordered_json{{"1", ordered_json::object()}}, "has no port"},
    });
}

TEST(Egg, SaysWhereTheEnvironmentOrACommandIsWrong)
{
    expect_refusals({
        {"/environment", ordered_json{{"A-B", "x"}}, "\"A-B\" is not a variable name"},
        {"/environment", ordered_json{{std::string(256, 'A'), "x"}}, "is not a variable name"},
        {"/environment", ordered_json{{"", "x"}}, "is not a variable name"},
        {"/environment", ordered_json{{"A=B", "x"}}, "is not a variable name"},
        {"/environment", ordered_json{{"A", "x\ny"}}, "eggConfig.environment.A: contains a line break"},
        {"/environment", ordered_json{{"A", nul}}, "eggConfig.environment.A: contains a NUL"},
        {"/environment", ordered_json{{"A", ordered_json::array({1})}},
         "must be a string, a number, true or false"},
        {"/environment", ordered_json{{"A", std::string(20000, 'x')}}, "longer than 16384 bytes"},
        {"/startup", "a\nb", "eggConfig.startup: contains a line break"},
        {"/startup", nul, "eggConfig.startup: contains a NUL"},
        {"/startup", std::string(20000, 'x'), "longer than 16384 bytes"},
        {"/startup", 5, "must be an array"},
        {"/shell", "yes", "eggConfig.shell: must be true or false"},
        {"/stop", "^X", "is not a stop signal"},
        {"/stop", ordered_json{{"signal", "SIGSTOP"}},
         "eggConfig.stop.signal: \"SIGSTOP\" is not a stop signal"},
        {"/stop", ordered_json{{"signal", "SIGINT"}, {"command", "x"}}, "Keep one"},
        {"/stop", "say a\nop me", "line break"},
        {"/done", "regex:(?=x)", "eggConfig.done: the regular expression"},
        {"/done", 5, "must be an array"},
        {"/query", "gamespy", "is not a query type. Use none or minecraft"},
    });
}

TEST(Egg, SaysWhereAFileOrTheInstallationIsWrong)
{
    expect_refusals({
        {"/files", ordered_json{{"../x", ordered_json{{"parser", "ini"}}}},
         "is not a file inside the server's folder"},
        {"/files", ordered_json{{"/etc/passwd", ordered_json{{"parser", "ini"}}}},
         "is not a file inside the server's folder"},
        {"/files", ordered_json{{"a//b", ordered_json{{"parser", "ini"}}}},
         "is not a file inside the server's folder"},
        {"/files", ordered_json{{"a", ordered_json{{"parser", "toml"}}}},
         "eggConfig.files.a.parser: \"toml\" is not a parser"},
        {"/files", ordered_json{{"a", ordered_json::object()}}, "has no parser"},
        {"/files",
         ordered_json{{"a", ordered_json{{"parser", "ini"}, {"find", ordered_json{{"k", "x\ny"}}}}}},
         "line break"},
        {"/files",
         ordered_json{
             {"a", ordered_json{{"parser", "ini"}, {"find", ordered_json{{"k", ordered_json::array({1})}}}}}},
         "must be a string, a number"},
        {"/install", ordered_json{{"script", "x"}}, "no image to run it in"},
        {"/install", ordered_json{{"script", "x"}, {"image", "a"}, {"entrypoint", "bash -c"}},
         "is not an interpreter"},
        {"/install", ordered_json{{"script", std::string(300000, 'x')}, {"image", "a"}},
         "longer than 262144 bytes"},
        {"/name", std::string(300, 'x'), "eggConfig.name: is longer than 256 bytes"},
        {"/egg", ordered_json{{"variables", ordered_json::array({ordered_json::object()})}},
         "eggConfig.egg.variables[0]: env_variable"},
    });
}

TEST(Egg, SaysWhichVariableBreaksTheEggsRules)
{
    ordered_json payload = egg_payload();
    payload["environment"]["SERVER_JARFILE"] = "sec ret.jar";
    const std::string said = refusal([&] { read(payload); });
    EXPECT_EQ(said, "environment.SERVER_JARFILE: does not match the egg's regular expression, says the egg.");
    payload["environment"]["SERVER_JARFILE"] = "";
    EXPECT_THAT(refusal([&] { read(payload); }), HasSubstr("environment.SERVER_JARFILE: must not be empty"));
}

TEST(Egg, ChecksServerIds)
{
    for (const char* good : {"a", "server_123", "0", "A.b-c"}) {
        ordered_json payload = document_payload();
        payload["serverId"] = good;
        EXPECT_EQ(read(payload).id, good);
    }
    for (const ordered_json& bad :
         {ordered_json(""), ordered_json(".."), ordered_json("../x"), ordered_json("a/b"), ordered_json("-a"),
          ordered_json("_a"), ordered_json(std::string(65, 'a')), ordered_json("a:b"), ordered_json("a b"),
          ordered_json("a\n"), ordered_json(7), ordered_json("x_installer"), ordered_json(nullptr),
          ordered_json("\xc3\xa9")}) {
        ordered_json payload = document_payload();
        payload["serverId"] = bad;
        EXPECT_THAT(refusal([&] { read(payload); }), HasSubstr("serverId")) << bad;
    }
}

TEST(Egg, BoundsTheWholePayload)
{
    EXPECT_THAT(refusal([] { read_create_server("{"); }), HasSubstr("payload: is not valid JSON"));
    EXPECT_THAT(refusal([] { read_create_server("[]"); }), HasSubstr("payload: must be a JSON object"));
    EXPECT_THAT(refusal([] { read_create_server(std::string(2 << 20, ' ')); }), HasSubstr("larger than"));
    EXPECT_THAT(refusal([] { read_create_server(std::string(100, '[')); }), HasSubstr("levels deep"));
    std::string many = R"({"serverId": "s", "eggConfig": {"environment": {"V": "x")";
    for (int i = 0; i < 9000; ++i) many += ",\"V" + std::to_string(i) + "\":\"x\"";
    EXPECT_THAT(refusal([&] { read_create_server(many + "}}}"); }), HasSubstr("more than 8192 values"));
    ordered_json payload = document_payload();
    for (int i = 0; i < 600; ++i) payload["eggConfig"]["environment"]["V" + std::to_string(i)] = "x";
    EXPECT_THAT(refusal([&] { read(payload); }),
                HasSubstr("eggConfig.environment: has more than 512 members"));
    payload = egg_payload();
    payload["eggConfig"]["config"]["files"] = std::string(100, '[');
    EXPECT_THAT(refusal([&] { read(payload); }), HasSubstr("eggConfig.config.files: is nested"));
}

TEST(Egg, NotesWhatItDoesNotUse)
{
    ordered_json payload = egg_payload();
    payload["eggConfig"]["config"]["logs"] = ordered_json{{"x", 1}};
    payload["eggConfig"]["mystery"] = 1;
    payload["eggConfig"]["privileged"] = false;
    payload["eggConfig"]["variables"][0]["rules"] = "required|date";
    payload["eggConfig"]["config"]["startup"] = ordered_json{{"done", ""}};
    EXPECT_THAT(
        read(payload).notes,
        ElementsAre("eggConfig.mystery: is not used.",
                    "eggConfig.variables[0].rules: the rule \"date\" is not checked.",
                    "eggConfig.config.startup.done: is empty and would match every line; it is not used."));
}

} // namespace
