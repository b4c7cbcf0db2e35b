// Every key is read, shown and described.
#include "fixture.hpp"

#include <nlohmann/json.hpp>

using namespace agenthost::host;
using namespace agenthost::host::test;
using namespace std::chrono_literals;
using agenthost::test::write_file;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

namespace {

struct Complete : Configured {
    ConfigPtr config;

    void SetUp() override
    {
        write_file(dir / "secret", "s3cret\n");
        for (const char* file : {"ca.pem", "c.pem"}) write_file(dir / file, "not read here\n");
        std::string text = agenthost::test::read_file(agenthost::test::source_dir() /
                                                      "tests/unit/config/data/complete.yaml");
        for (auto at = text.find("@DIR@"); at != std::string::npos; at = text.find("@DIR@", at))
            text.replace(at, 5, dir.path().string());
        const LoadResult result = load(text);
        ASSERT_EQ(problems(result), "");
        EXPECT_THAT(result.warnings, testing::IsEmpty());
        config = result.config;
    }
};

TEST_F(Complete, ReadsTheAgentsOwnKeys)
{
    EXPECT_EQ(config->agent_id, "node-01");
    EXPECT_THAT(config->labels, UnorderedElementsAre(Pair("site", "leeds"), Pair("rack", "12")));
    EXPECT_EQ(config->state_dir, dir / "state");
    EXPECT_THAT(config->plugin_path, ElementsAre(dir / "plugins", dir / "more-plugins"));
    EXPECT_EQ(config->io_threads, 2u);
    EXPECT_EQ(config->log_level, "debug");
    EXPECT_EQ(config->log_format, "json");
    EXPECT_EQ(config->control_socket, dir / "control.sock");
    EXPECT_EQ(config->metrics_bind, "127.0.0.1:9464");
    EXPECT_TRUE(config->audit_file.starts_with('/') && config->audit_file.ends_with("/audit.jsonl"))
        << config->audit_file;
    EXPECT_EQ(config->audit_sample, 7u);
    EXPECT_EQ(config->shutdown_commands, 1min);
    EXPECT_EQ(config->shutdown_sessions, 250ms);
    EXPECT_EQ(config->shutdown_plugins, 0ms);
    EXPECT_EQ(config->journal_keep, 48h);
    EXPECT_EQ(config->journal_rows, 5000u);
    const Limits expected{2 << 20, 3 << 20, 50.5, 12, 48 << 20, 6 << 20, 45s};
    EXPECT_EQ(config->limits, expected);
    EXPECT_THAT(config->files, ElementsAre(file().string()));
}

TEST_F(Complete, ReadsAServer)
{
    ASSERT_EQ(config->servers.size(), 5u);
    const ServerConfig& s = config->servers[0];
    EXPECT_EQ(s.name, "files");
    EXPECT_EQ(s.protocol, "storage");
    EXPECT_EQ(s.url, "wss://files.example.com/agent");
    EXPECT_EQ(s.agent_id, "node-one");
    EXPECT_EQ(s.credential, (SecretSource{SecretSource::Kind::file, dir / "secret"}));
    ASSERT_TRUE(s.allow);
    EXPECT_THAT(*s.allow, ElementsAre("storage.*", "host.*"));
    EXPECT_THAT(s.map, ElementsAre(Pair("put", "storage.upload")));
    EXPECT_THAT(s.headers, UnorderedElementsAre(Pair("X-Region", "eu"), Pair("Authorization", "Basic abc")));
    EXPECT_EQ(s.tls.ca, dir / "ca.pem");
    EXPECT_EQ(s.tls.certificate, dir / "c.pem");
    EXPECT_EQ(s.tls.key, dir / "secret");
    EXPECT_THAT(s.tls.pin_sha256, ElementsAre("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    EXPECT_EQ(s.tls.server_name, "files");
    EXPECT_TRUE(s.tls.verify);
    EXPECT_EQ(s.proxy, "http://user:pass@proxy.example.com:3128");
    EXPECT_EQ(s.reconnect, (ReconnectConfig{1500ms, 60s, 3, 0.5}));
    EXPECT_EQ(s.heartbeat, 20s);
    EXPECT_FALSE(s.insecure);
    Limits limits = config->limits; // the common ones, with its own over them
    limits.in_flight = 3;
    EXPECT_EQ(s.limits, limits);
    EXPECT_EQ(s.protocol_json, "{}");
}

TEST_F(Complete, ReadsTheOtherFourProtocols)
{
    const ServerConfig &games = config->servers[1], &kitchen = config->servers[2], &desk = config->servers[3],
                       &ops = config->servers[4];
    EXPECT_EQ(games.agent_id, "node-01"); // agent.id
    EXPECT_EQ(games.url, "");
    EXPECT_FALSE(games.allow);
    EXPECT_EQ(json::parse(games.protocol_json),
              json::parse(R"({"port":8080,"register_url":"https://panel.example.com/api/agents/register",
        "admin_credential":{"env":"PANEL_ADMIN"},"refresh_ms":43200000})"));
    EXPECT_TRUE(games.compress);
    EXPECT_FALSE(kitchen.compress);
    EXPECT_EQ(json::parse(kitchen.protocol_json), json::parse(R"({"shop_id":"testclient"})"));
    EXPECT_EQ(games.dialect, "document");
    EXPECT_EQ(desk.dialect, "field");
    EXPECT_EQ(desk.url, "wss://api.example.com/ws/agent?region=eu");
    EXPECT_EQ(desk.credential, (SecretSource{SecretSource::Kind::systemd, "desk_jwt"}));
    EXPECT_EQ(ops.url, "wss://{public_ip}/agent");
    EXPECT_EQ(ops.credential, (SecretSource{SecretSource::Kind::env, "OPS_SECRET"}));
    EXPECT_EQ(json::parse(ops.protocol_json), json::parse(R"({"metrics_interval_ms":250})"));
}

TEST_F(Complete, ReadsListeners)
{
    ASSERT_EQ(config->listeners.size(), 2u);
    const ListenerConfig expected{"hub",
                                  {"0.0.0.0:3001", "[::]:3001"},
                                  TlsServerConfig{dir / "c.pem", dir / "secret", dir / "ca.pem"},
                                  false,
                                  300,
                                  20,
                                  8 << 10,
                                  5s,
                                  15s,
                                  2min,
                                  {"10.0.0.0/8", "::1"},
                                  true};
    EXPECT_EQ(config->listeners[0], expected);
    EXPECT_EQ(config->listeners[1].bind, std::vector<std::string>{"[::1]:0"});
    EXPECT_FALSE(config->listeners[1].tls);
    EXPECT_EQ(config->listeners[1].connections, 20'000u);
}

TEST_F(Complete, GivesPluginsTheirConfigurationAsJson)
{
    ASSERT_EQ(config->plugins.size(), 2u);
    const PluginConfig &storage = config->plugins[0], &printer = config->plugins[1];
    EXPECT_EQ(storage.id, "storage");
    EXPECT_TRUE(storage.enabled);
    EXPECT_TRUE(storage.isolated);
    EXPECT_TRUE(storage.required);
    json expected =
        json::parse(R"({"storage_path":"/srv/files","quota":"100GiB","max_transfers":4,"ratio":0.25,
        "allow_private_networks":false,"nothing":null,"quoted":"12","api_token":"hunter2","callback":"https://u:p@example.com/?sig=abc"})");
    expected["token"]["file"] = (dir / "secret").string(); // from the configuration's folder
    EXPECT_EQ(json::parse(storage.config_json), expected);
    EXPECT_THAT(storage.where, HasSubstr("agenthost.yaml:"));
    EXPECT_FALSE(printer.enabled);
    EXPECT_FALSE(printer.isolated);
    EXPECT_FALSE(printer.required);
    EXPECT_EQ(json::parse(printer.config_json),
              json::parse(R"({"devices":[{"alias":"Kitchen","vendor_id":4070,"offset":-3,"mode":15}]})"));
}

TEST_F(Complete, ShowsNoSecret)
{
    const std::string shown = show_config(*config);
    for (const char* secret : {"hunter2", "Basic abc", "user:pass", "u:p@", "sig=abc", "s3cret", "region=eu"})
        EXPECT_THAT(shown, Not(HasSubstr(secret)));
    EXPECT_THAT(shown, HasSubstr("Authorization: \"***\""));
    EXPECT_THAT(shown, HasSubstr("http://***@proxy.example.com:3128"));
    EXPECT_THAT(shown, HasSubstr("api_token: \"***\""));
    EXPECT_THAT(shown, HasSubstr("env: OPS_SECRET")); // the place of a secret is shown
}

TEST_F(Complete, ShowsNoSecretOfAPluginInAnyShape)
{
    const LoadResult result =
        load("plugins: {hub: {enabled: true, config: {admin_token: {value: hunter2, "
             "file: /run/token}, tokens: [hunter2, {text: hunter2}], other: [shown]}}}\n");
    ASSERT_TRUE(result.config) << problems(result);
    const std::string shown = show_config(*result.config);
    EXPECT_THAT(shown, Not(HasSubstr("hunter2")));
    EXPECT_THAT(shown, HasSubstr("/run/token")); // the place of a secret is shown
    EXPECT_THAT(shown, HasSubstr("shown"));
}

// What is shown is a configuration again, and the same one (where nothing had to be hidden).
TEST_F(Complete, LoadsTheShownConfigurationAgain)
{
    Config plain = *config;
    plain.servers[0].headers = {{"X-Region", "eu"}};
    plain.servers[0].proxy = "http://proxy.example.com:3128";
    plain.servers[3].url = "wss://api.example.com/ws/agent";
    json storage = json::parse(plain.plugins[0].config_json);
    storage.erase("api_token");
    storage.erase("callback");
    storage.erase("nothing");
    plain.plugins[0].config_json = storage.dump();
    const LoadResult again = load(show_config(plain));
    ASSERT_EQ(problems(again), "");
    EXPECT_EQ(again.config->servers, plain.servers);
    EXPECT_EQ(again.config->listeners, plain.listeners);
    EXPECT_EQ(again.config->limits, plain.limits);
    EXPECT_EQ(again.config->labels, plain.labels);
    EXPECT_EQ(again.config->plugin_path, plain.plugin_path);
    EXPECT_EQ(again.config->journal_keep, plain.journal_keep);
    EXPECT_EQ(json::parse(again.config->plugins[0].config_json), storage);
    EXPECT_EQ(json::parse(again.config->plugins[1].config_json), json::parse(plain.plugins[1].config_json));
    EXPECT_EQ(show_config(*again.config), show_config(plain));
}

TEST_F(Complete, DescribesEveryKeyInItsSchema)
{
    const json schema = json::parse(config_schema());
    EXPECT_EQ(schema["type"], "object");
    EXPECT_EQ(schema["additionalProperties"], false);
    for (const char* section : {"agent", "log", "control", "metrics", "audit", "shutdown", "journal",
                                "limits", "servers", "listeners", "plugins"})
        EXPECT_TRUE(schema["properties"].contains(section)) << section;
    const json tls = schema["properties"]["servers"]["items"]["properties"]["tls"]["properties"];
    for (const char* key : {"ca", "certificate", "key", "pin_sha256", "server_name", "verify"}) {
        ASSERT_TRUE(tls.contains(key)) << key;
        EXPECT_GT(tls[key].value("description", "").size(), 5u) << key;
    }
    EXPECT_EQ(schema["properties"]["servers"]["items"]["properties"]["protocol"]["enum"],
              json::parse(R"(["storage","panel","print","dashboard","signed"])"));
    EXPECT_EQ(schema["properties"]["servers"]["items"]["properties"]["dialect"]["enum"],
              json::parse(R"(["document","field"])"));
}

TEST_F(Configured, FillsInDefaultsWhenTheFileIsEmpty)
{
    const LoadResult result = load("# nothing but a comment\n");
    ASSERT_EQ(problems(result), "");
    EXPECT_FALSE(result.config->agent_id.empty());
    EXPECT_TRUE(result.config->state_dir.is_absolute());
    EXPECT_TRUE(result.config->control_socket.is_absolute());
    EXPECT_EQ(result.config->plugin_path.size(), 1u);
    EXPECT_EQ(result.config->limits, Limits{});
    EXPECT_EQ(result.config->journal_rows, 100'000u);
    EXPECT_EQ(result.config->audit_sample, 100u);
    EXPECT_EQ(result.config->shutdown_commands, 10s);
    EXPECT_EQ(result.config->shutdown_sessions, 5s);
    EXPECT_TRUE(result.config->servers.empty());
}

TEST_F(Configured, RejectsAFileThatHadTextAndIsEmptyNow)
{
    LoadRequest request{.file = file(), .overrides = {}, .environment = false};
    for (const char* blank : {"", "\n", " \t\r\n\n"}) {
        agenthost::test::write_file(file(), blank);
        request.had_text = {};
        EXPECT_EQ(problems(load_config(request)), "");
        request.had_text = {file().string()};
        EXPECT_EQ(problems(load_config(request)),
                  "agenthost.yaml: is empty now; if nothing is to run, write a comment into it");
    }
    agenthost::test::write_file(file(), "# nothing");
    EXPECT_EQ(problems(load_config(request)), "");
}

TEST(DefaultConfiguration, ShippedFileLoads)
{
    agenthost::test::TempDir dir;
    const auto shipped = agenthost::test::source_dir() / "packaging/conf/agenthost.yaml";
    const LoadResult result = load_config({.file = shipped, .overrides = {}, .environment = false});
    for (const auto& problem : result.problems) ADD_FAILURE() << problem.text;
    ASSERT_TRUE(result.config);
    EXPECT_TRUE(result.config->servers.empty()) << "a fresh installation connects nowhere";
}

} // namespace
