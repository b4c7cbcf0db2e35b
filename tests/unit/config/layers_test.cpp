// Which of several sources counts, and what a hostile file cannot do.
#include "fixture.hpp"

#include "host/config/units.hpp"

#include <nlohmann/json.hpp>

using namespace agenthost::host;
using namespace agenthost::host::test;
using namespace std::chrono_literals;
using agenthost::test::write_file;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

struct Layers : Configured {
    LoadResult load_all(std::string_view yaml,
                        std::vector<std::pair<std::string, std::string>> overrides = {})
    {
        write_file(file(), yaml);
        return load_config({.file = file(), .overrides = std::move(overrides), .environment = true});
    }
    void fragment(const std::string& name, std::string_view yaml)
    {
        std::filesystem::create_directories(dir / "conf.d");
        write_file(dir / "conf.d" / name, yaml);
    }
};

TEST_F(Layers, OverrideInTheDocumentedOrder)
{
    const std::string base = "agent: {id: file}\n";
    EXPECT_EQ(load_all(base).config->agent_id, "file");
    fragment("20-late.yaml", "agent: {id: late}\n");
    fragment("10-early.yaml", "agent: {id: early, io_threads: 3}\n");
    fragment("30.yaml.disabled", "agent: {id: never}\n");
    fragment(".hidden.yaml", "agent: {id: never}\n");
    EXPECT_EQ(load_all(base).config->agent_id, "late");
    EXPECT_EQ(load_all(base).config->io_threads, 3u);
    const Environment environment{"AGENTHOST__AGENT__ID", "environment"};
    EXPECT_EQ(load_all(base).config->agent_id, "environment");
    EXPECT_EQ(load_all(base, {{"agent.id", "option"}}).config->agent_id, "option");
    EXPECT_EQ(load_all(base, {{"agent.id", "option"}, {"agent.id", "last"}}).config->agent_id, "last");
    EXPECT_EQ(load_config({.file = file(), .overrides = {}, .environment = false}).config->agent_id, "late");
}

TEST_F(Layers, MergeServersByNameAndReplaceOtherLists)
{
    fragment("1.yaml", "agent: {plugin_path: [/b]}\n"
                       "servers:\n"
                       "- {name: two, url: wss://changed/}\n"
                       "- {name: three, protocol: print, url: wss://three/}\n");
    const LoadResult result = load_all("agent: {plugin_path: [/a, /c]}\n"
                                       "servers:\n"
                                       "- {name: one, protocol: print, url: wss://one/}\n"
                                       "- {name: two, protocol: print, url: wss://two/, heartbeat: 9s}\n");
    ASSERT_EQ(problems(result), "");
    ASSERT_EQ(result.config->servers.size(), 3u);
    EXPECT_EQ(result.config->servers[0].url, "wss://one/");
    EXPECT_EQ(result.config->servers[1].url, "wss://changed/");
    EXPECT_EQ(result.config->servers[1].heartbeat, 9s);
    EXPECT_EQ(result.config->servers[2].name, "three");
    EXPECT_THAT(result.config->plugin_path, ElementsAre("/b"));
    EXPECT_THAT(result.config->files, ElementsAre(file().string(), (dir / "conf.d/1.yaml").string()));
}

TEST_F(Layers, NameTheInvalidFragment)
{
    fragment("5.yaml", "log: {level: info,\n      fromat: json}\n");
    EXPECT_EQ(problems(load_all("log: {}\n")),
              "conf.d/5.yaml:2:7: unknown key \"fromat\" in log; did you mean \"format\"?");
}

TEST_F(Layers, RefuseAWorldWritableFragmentFolder)
{
    fragment("5.yaml", "log: {level: debug}\n");
    std::filesystem::permissions(dir / "conf.d", std::filesystem::perms{0777});
    EXPECT_EQ(problems(load_all("log: {}\n")), "conf.d: everyone on this machine may add files to it, and so "
                                               "run commands as the daemon. chmod o-w conf.d");
}

TEST_F(Layers, SetServersAndPluginsByName)
{
    const std::string yaml = "servers:\n- {name: my-files, protocol: print, url: wss://one/}\n"
                             "plugins:\n  storage: {config: {quota: 1GiB}}\n";
    const LoadResult result = load_all(yaml, {{"servers.my-files.url", "wss://new/"},
                                              {"servers.0.heartbeat", "3s"},
                                              {"servers.my-files.allow", "[a.b, \"c.*\"]"},
                                              {"servers.extra.protocol", "print"},
                                              {"servers.extra.url", "wss://extra/"},
                                              {"plugins.storage.enabled", "true"},
                                              {"plugins.storage.config.quota", "2GiB"},
                                              {"plugins.storage.config.max_transfers", "7"},
                                              {"plugins.hub.enabled", "true"}});
    ASSERT_EQ(problems(result), "");
    ASSERT_EQ(result.config->servers.size(), 2u);
    EXPECT_EQ(result.config->servers[0].url, "wss://new/");
    EXPECT_EQ(result.config->servers[0].heartbeat, 3s);
    EXPECT_THAT(*result.config->servers[0].allow, ElementsAre("a.b", "c.*"));
    EXPECT_EQ(result.config->servers[1].name, "extra");
    EXPECT_TRUE(result.config->plugins[0].enabled);
    EXPECT_EQ(json::parse(result.config->plugins[0].config_json),
              json::parse(R"({"quota":"2GiB","max_transfers":7})"));
    EXPECT_EQ(result.config->plugins[1].id, "hub");
}

TEST_F(Layers, MatchServerAndPluginNamesFromVariables)
{
    const Environment url{"AGENTHOST__SERVERS__MY_FILES__URL", "wss://env/"};
    const Environment quota{"AGENTHOST__PLUGINS__STORAGE__CONFIG__QUOTA", "3GiB"};
    const Environment socket{"AGENTHOST__CONTROL__SOCKET", "/run/x.sock"};
    const LoadResult result = load_all("servers:\n- {name: my-files, protocol: print, url: wss://one/}\n"
                                       "plugins:\n  storage: {config: {quota: 1GiB}}\n");
    ASSERT_EQ(problems(result), "");
    ASSERT_EQ(result.config->servers.size(), 1u);
    EXPECT_EQ(result.config->servers[0].url, "wss://env/");
    EXPECT_EQ(json::parse(result.config->plugins[0].config_json), json::parse(R"({"quota":"3GiB"})"));
    EXPECT_EQ(result.config->control_socket, "/run/x.sock");
    EXPECT_EQ(find_control_socket({.file = file(), .overrides = {}}), "/run/x.sock");
}

TEST_F(Layers, ReplaceASecretSourceAsAWhole)
{
    const std::string yaml =
        "servers:\n- {name: a, protocol: signed, url: wss://h/, credential: {file: /nowhere/x}}\n";
    const LoadResult option = load_all(yaml, {{"servers.a.credential.env", "NAME"}});
    ASSERT_EQ(problems(option), "");
    EXPECT_EQ(option.config->servers[0].credential, (SecretSource{SecretSource::Kind::env, "NAME"}));
    fragment("1.yaml", "servers: [{name: a, credential: {systemd: cred}}]\n");
    const LoadResult merged = load_all(yaml);
    ASSERT_EQ(problems(merged), "");
    EXPECT_EQ(merged.config->servers[0].credential, (SecretSource{SecretSource::Kind::systemd, "cred"}));
}

TEST_F(Layers, NameTheInvalidOptionOrVariable)
{
    EXPECT_EQ(problems(load_all("", {{"log.levle", "info"}})),
              "-o log.levle: unknown key \"levle\" in log; did you mean \"level\"?");
    EXPECT_EQ(problems(load_all("", {{"log.level.x", "info"}, {"log..x", "1"}})),
              "-o log.level.x: log.level: expected trace, debug, info, warning or error, not a map\n-o "
              "log..x: has an empty name in it; write section.key");
    EXPECT_EQ(problems(load_all("log: {level: info}\n", {{"log.level.x", "1"}})),
              "-o log.level.x: log.level is a single value and has no key \"x\"");
    EXPECT_EQ(problems(load_all("", {{"servers.3.url", "x"}})),
              "-o servers.3.url: there is no element 3 in this list");
    EXPECT_THAT(problems(load_all("", {{"agent.plugin_path", "[a"}})), HasSubstr("-o agent.plugin_path:1:"));
    const Environment variable{"AGENTHOST__LOG__LEVEL", "loud"};
    EXPECT_EQ(problems(load_all("")), "environment AGENTHOST__LOG__LEVEL: log.level: expected trace, debug, "
                                      "info, warning or error, not \"loud\"");
}

TEST_F(Layers, UnsetAKeyWithAnEmptyValue)
{
    const LoadResult result = load_all("metrics: {bind: \"127.0.0.1:1\"}\n", {{"metrics.bind", ""}});
    ASSERT_EQ(problems(result), "");
    EXPECT_EQ(result.config->metrics_bind, "");
}

TEST_F(Layers, ResolveRelativePathsFromTheFilesFolder)
{
    fragment("1.yaml", "control: {socket: run/c.sock}\n");
    const LoadResult result = load_all("agent: {state_dir: state}\n", {{"agent.plugin_path", "[here]"}});
    ASSERT_EQ(problems(result), "");
    EXPECT_EQ(result.config->state_dir, dir / "state");
    EXPECT_EQ(result.config->control_socket, dir / "run/c.sock");
    EXPECT_EQ(result.config->plugin_path[0],
              std::filesystem::current_path() / "here"); // as a shell completes it
}

TEST_F(Layers, SupportAnchorsAndMergeKeys)
{
    const LoadResult result = load_all("servers:\n"
                                       "- &base {name: a, protocol: print, url: wss://a/, heartbeat: 4s}\n"
                                       "- {<<: *base, name: b, url: wss://b/}\n"
                                       "- {name: c, <<: [*base], heartbeat: 1s}\n");
    ASSERT_EQ(problems(result), "");
    EXPECT_EQ(result.config->servers[1].heartbeat, 4s);
    EXPECT_EQ(result.config->servers[1].url, "wss://b/");
    EXPECT_EQ(result.config->servers[2].heartbeat, 1s);
    EXPECT_EQ(result.config->servers[2].protocol, "print");
}

TEST_F(Layers, RejectAnAliasBomb)
{
    std::string yaml = "x0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        yaml += "x" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
        for (int j = 1; j < 10; ++j) yaml += ", " + before;
        yaml += "]\n";
    }
    EXPECT_THAT(problems(load_all(yaml)),
                HasSubstr("more than 100000 values (aliases count as what they stand for)"));
}

TEST_F(Layers, SurviveLongTextRepeatedByAliases)
{
    std::string yaml = "a: &a " + std::string(500'000, 'x') + "\nb: [";
    for (int i = 0; i < 5000; ++i) yaml += "*a,";
    EXPECT_THAT(problems(load_all(yaml + "]\n")), HasSubstr("more than 100000 values"));
}

TEST_F(Layers, RefuseAnAliasInsideItself)
{
    EXPECT_EQ(problems(load_all("agent: &a {labels: *a}\n")),
              "agenthost.yaml:1:20: this alias stands inside what it refers to");
}

TEST_F(Layers, BoundTheDepth)
{
    const auto nested = [](int levels) {
        return "plugins: {a: {config: {x: " + std::string(levels, '[') + std::string(levels, ']') + "}}}\n";
    };
    EXPECT_EQ(problems(load_all(nested(28))), ""); // 4 maps around them: 32
    EXPECT_THAT(problems(load_all(nested(29))), HasSubstr("nested deeper than 32 levels"));
    EXPECT_THAT(problems(load_all(nested(100'000))), HasSubstr("nested deeper than 32 levels"));
    EXPECT_THAT(problems(load_all("- " + std::string(200'000, '-') + "\n" + std::string(100'000, '{'))),
                testing::Not(testing::IsEmpty()));
    // The same through an alias.
    EXPECT_THAT(problems(load_all(
                    "a: &a [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]\nb: [[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]\n")),
                HasSubstr("agenthost.yaml:2:19: nested deeper than 32 levels"));
}

TEST_F(Layers, FindTheControlSocketEvenInABadFile)
{
    write_file(file(), "control: {socket: /run/mine.sock}\nlog: {level: loud}\n");
    EXPECT_EQ(find_control_socket({.file = file(), .overrides = {}}), "/run/mine.sock");
    EXPECT_TRUE(find_control_socket({.file = dir / "none", .overrides = {}}).is_absolute());
}

TEST(Units, ReadSizes)
{
    std::string why;
    const auto size = [&](const char* text) { return conf::parse_size(text, why); };
    EXPECT_EQ(size("0"), 0u);
    EXPECT_EQ(size("512"), 512u);
    EXPECT_EQ(size("512B"), 512u);
    for (const char* kib : {"1KiB", "1KB", "1K", "1k", "1kb", "1 KiB", "1024", "1024B"})
        EXPECT_EQ(size(kib), 1024u) << kib;
    EXPECT_EQ(size("1.5MiB"), 3u << 19);
    EXPECT_EQ(size("3TiB"), 3ULL << 40);
    for (const char* bad : {"", "KiB", "-1", "1XiB", "1MiBs", "1.1B", "99999999TiB", "1e3", "0x10", ".",
                            "1..2", "nan", "1 MiB x"})
        EXPECT_EQ(size(bad), std::nullopt) << bad;
}

TEST(Units, ReadDurations)
{
    std::string why;
    const auto time = [&](const char* text) { return conf::parse_duration(text, why); };
    EXPECT_EQ(time("0"), 0ms);
    EXPECT_EQ(time("250ms"), 250ms);
    EXPECT_EQ(time("1.5s"), 1500ms);
    EXPECT_EQ(time("2m"), 2min);
    EXPECT_EQ(time("3h"), 3h);
    EXPECT_EQ(time("7d"), 168h);
    for (const char* bad : {"", "s", "5", "-5s", "5x", "5 s x", "0.1ms", "1e3s", "inf"})
        EXPECT_EQ(time(bad), std::nullopt) << bad;
}

TEST(Units, RoundTrip)
{
    std::string why;
    for (std::uint64_t bytes :
         {0ull, 1ull, 1023ull, 1024ull, 1536ull, 1048576ull, 5ull << 30, 7ull << 40, 123456789ull})
        EXPECT_EQ(conf::parse_size(conf::format_size(bytes), why), bytes) << bytes;
    for (auto ms : {0ms, 1ms, 999ms, 1000ms, 61'000ms, 3'600'000ms, 86'400'000ms})
        EXPECT_EQ(conf::parse_duration(conf::format_duration(ms), why), ms);
}

} // namespace
