// What used to be accepted without a word, and then did not work.
#include "fixture.hpp"

#include "host/config/protocol_settings.hpp"

#include <sys/stat.h>

#include <filesystem>

using namespace agenthost::host;
using namespace agenthost::host::test;
using agenthost::test::write_file;
using agenthost::wire::Protocol;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

struct Accepted : Configured {
    // As with the plugins storage and telemetry installed.
    LoadRequest request()
    {
        return {.file = file(), .overrides = {}, .environment = false, .plugins = [](const auto&) {
                    return std::vector<KnownPlugin>{
                        {"host", {"host.ping", "host.status"}, {}},
                        {"storage", {"storage.upload", "storage.info"}, {"/tls_ca", "/logs/*/path"}},
                        {"telemetry", {"telemetry.metrics"}, {}}};
                }};
    }
    LoadResult with_plugins(std::string_view yaml)
    {
        write_file(file(), yaml);
        return load_config(request());
    }
    // A server with `more` as its third line on.
    static std::string server(const std::string& more)
    {
        return "servers:\n  - {name: a, protocol: storage, url: 'wss://h/', credential: {env: X},\n     " +
               more + "}\n";
    }
};

TEST_F(Accepted, RejectsAMisspelledPluginPattern)
{
    const auto result = with_plugins(server("allow: [\"storage.*\", \"storge.*\"]"));
    EXPECT_EQ(problems(result),
              "agenthost.yaml:3:27: servers[0].allow[1]: \"storge.*\": there is no plugin storge; did you "
              "mean \"storage.*\"? "
              "If you mean a plugin that is to be installed later, give it an entry below plugins:");
}

TEST_F(Accepted, RejectsAnUnknownActionOfAnInstalledPlugin)
{
    EXPECT_EQ(
        problems(with_plugins(server("allow: [storage.uplaod]"))),
        "agenthost.yaml:3:14: servers[0].allow[0]: \"storage.uplaod\" is not an action of plugin storage; "
        "did you mean "
        "\"storage.upload\"?");
    EXPECT_EQ(problems(with_plugins(server("map: {put: storage.frobnicate}"))),
              "agenthost.yaml:3:17: servers[0].map.put: \"storage.frobnicate\" is not an action of plugin "
              "storage; it has "
              "storage.upload, storage.info");
    EXPECT_THAT(problems(with_plugins(server("allow: [\"storage.x*\"]"))),
                HasSubstr("is not an action of plugin storage"));
}

TEST_F(Accepted, RejectsPatternsThatCannotMatch)
{
    EXPECT_THAT(problems(with_plugins(server("allow: [storage]"))), HasSubstr("did you mean \"storage.*\"?"));
    EXPECT_THAT(problems(with_plugins(server("allow: [\"stor*e.info\"]"))),
                HasSubstr("a * counts only at the end"));
}

TEST_F(Accepted, AcceptsActionsOfAPluginThatIsNotInstalled)
{
    auto result = with_plugins(server("allow: [\"acme.*\"], map: {go: acme.go}"));
    EXPECT_EQ(problems(result), "");
    EXPECT_THAT(cut(result.warnings), HasSubstr("agenthost.yaml:3:14: servers[0].allow[0]: \"acme.*\": "
                                                "plugin acme is not installed here, so this admits "
                                                "nothing yet"));
    EXPECT_THAT(cut(result.warnings), HasSubstr("servers[0].map.go: \"acme.go\""));
    // One whose name is near to another's is named below plugins.
    result = with_plugins(server("allow: [\"storage2.*\"]"));
    EXPECT_THAT(problems(result), HasSubstr("did you mean \"storage.*\"?"));
    result = with_plugins(server("allow: [\"storage2.*\"]") + "plugins: {storage2: {enabled: false}}\n");
    EXPECT_EQ(problems(result), "");
}

TEST_F(Accepted, AcceptsPatternsThatMatchWithoutAWarning)
{
    const auto result = with_plugins(server("allow: [\"*\", \"storage.*\", storage.info, \"host.*\", "
                                            "\"st*\"], map: {put: storage.upload, hi: host.ping}"));
    EXPECT_EQ(problems(result), "");
    EXPECT_EQ(cut(result.warnings), "");
    EXPECT_EQ(problems(load(server("allow: [\"storge.*\"]"))), "")
        << "without a list of plugins nothing can be said";
}

TEST_F(Accepted, RejectsHeadersThatTheConnectionSets)
{
    EXPECT_EQ(problems(server("headers: {X-Region: eu, Upgrade: foo}")),
              "agenthost.yaml:3:30: servers[0].headers: \"Upgrade\" is set by the connection itself and "
              "cannot be replaced; remove it");
    for (const char* name :
         {"connection", "Host", "Sec-WebSocket-Key", "SEC-WEBSOCKET-Protocol", "Content-Length",
          "Transfer-Encoding", "TE", "Trailer", "Expect", "Keep-Alive", "Proxy-Connection"})
        EXPECT_THAT(problems(server(std::string{"headers: {"} + name + ": x}")),
                    HasSubstr("is set by the connection itself"))
            << name;
    EXPECT_EQ(problems(server("headers: {Authorization: x, Sec-Fetch-Site: none, X-Host: y}")), "");
}

TEST_F(Accepted, ADialectHasTheKeysOfItsProtocolAndARowOfItsOwn)
{
    const LoadResult result =
        load("servers:\n"
             "- {name: a, protocol: panel, dialect: field, panel: {register_url: 'https://h/r'}}\n"
             "- {name: b, protocol: dashboard, dialect: field, url: 'wss://h/', credential: {env: X}}\n"
             "- {name: c, protocol: storage, dialect: document, url: 'wss://h/', credential: {env: X}}\n");
    ASSERT_EQ(problems(result), "");
    ASSERT_EQ(result.config->servers.size(), 3U);
    const auto row = [&](std::size_t i) { return traits_of(result.config->servers[i])->protocol; };
    EXPECT_EQ(row(0), Protocol::panel_field);
    EXPECT_EQ(row(1), Protocol::dashboard_field);
    EXPECT_EQ(row(2), Protocol::storage);
    // A change of the dialect is a change of the server: its session is opened again.
    ServerConfig other = result.config->servers[0];
    other.dialect = "document";
    EXPECT_NE(other, result.config->servers[0]);
}

TEST_F(Accepted, RejectsUnknownPlaceholders)
{
    const auto url = [&](const std::string& text, const char* protocol = "storage") {
        return problems(std::string{"servers:\n  - {name: a, credential: {env: X}, protocol: "} + protocol +
                        ", url: '" + text + "'}\n");
    };
    EXPECT_EQ(url("wss://{HOST}/"), "agenthost.yaml:2:61: servers[0].url: {HOST} is not replaced by "
                                    "anything; write the value itself, or set the whole URL by "
                                    "AGENTHOST__SERVERS__NAME__URL in the environment");
    EXPECT_THAT(url("wss://${HOST}/ws"), HasSubstr("${HOST} is not replaced by anything"));
    EXPECT_THAT(url("wss://$HOST/ws"), HasSubstr("$HOST is not replaced by anything"));
    EXPECT_THAT(url("wss://h/{id}"), HasSubstr("{id} is not replaced by anything"));
    EXPECT_THAT(url("wss://{public_ip}/"), HasSubstr("{public_ip} is for protocol signed"));
    EXPECT_EQ(url("wss://{public_ip}/", "signed"), "");
    EXPECT_EQ(url("wss://h/a$b"), "");
}

TEST_F(Accepted, WarnsAboutIgnoredFilesInConfD)
{
    std::filesystem::create_directory(dir / "conf.d");
    write_file(dir / "conf.d/10-more.yml", "agent: {id: ignored}\n");
    write_file(dir / "conf.d/README", "not a configuration\n");
    const auto result = load("agent: {id: a}\n");
    EXPECT_EQ(problems(result), "");
    EXPECT_EQ(cut(result.warnings),
              "conf.d/10-more.yml: is not read: only files that end in .yaml are. Rename it to 10-more.yaml");
    EXPECT_EQ(result.config->agent_id, "a");
}

TEST_F(Accepted, WarnsAboutVariablesWithOneUnderscore)
{
    const Environment level{"AGENTHOST_LOG_LEVEL", "debug"}, url{"AGENTHOST_SERVERS_FILES_URL", "wss://h/"},
        plugin{"AGENTHOST_JOURNAL_ROWS", "5"}, own{"AGENTHOST_MY_TOKEN", "x"};
    write_file(file(), "agent: {id: a}\n");
    const auto result = load_config({.file = file(), .overrides = {}, .environment = true});
    ASSERT_TRUE(result.config) << problems(result);
    EXPECT_EQ(result.config->log_level, "info");
    const std::string warnings = cut(result.warnings);
    EXPECT_THAT(warnings, HasSubstr("environment AGENTHOST_LOG_LEVEL: is ignored; did you mean "
                                    "AGENTHOST__LOG__LEVEL (two underscores)?"));
    EXPECT_THAT(warnings, HasSubstr("environment AGENTHOST_SERVERS_FILES_URL: is ignored; did you mean "
                                    "AGENTHOST__SERVERS__NAME__KEY"));
    EXPECT_THAT(warnings, HasSubstr("AGENTHOST__JOURNAL__ROWS"));
    EXPECT_THAT(warnings, testing::Not(HasSubstr("MY_TOKEN")));
}

TEST_F(Accepted, RejectsInvalidUtf8WithItsPosition)
{
    EXPECT_EQ(problems("agent: {id: a}\n# caf\xc3\xa9\nlog: {level: \xe9}\n"),
              "agenthost.yaml:3:14: is not valid UTF-8 from here on; save the file as UTF-8");
    EXPECT_THAT(problems("agent: {id: ab}\xff"), HasSubstr("agenthost.yaml:1:16: is not valid UTF-8"));
    EXPECT_EQ(problems(load("", {{"agent.id", "caf\xe9"}})), "-o agent.id: is not valid UTF-8");
}

TEST_F(Accepted, WarnsAboutAMissingCaAndFailsTheCheck)
{
    write_file(file(), server("tls: {ca: no.pem}"));
    auto request = LoadRequest{.file = file(), .overrides = {}, .environment = false};
    EXPECT_EQ(cut(load_config(request).warnings),
              "agenthost.yaml:3:16: servers[0].tls.ca: no.pem: No such file or directory");
    request.try_client_tls = [](const TlsClientConfig& tls) { return tls.ca + ": cannot be read"; };
    EXPECT_EQ(problems(load_config(request)), "agenthost.yaml:3:16: servers[0].tls: no.pem: cannot be read");
}

TEST_F(Accepted, FailsTheCheckOnAnUnusableListenerCertificate)
{
    write_file(dir / "c.pem", "x");
    write_file(dir / "k.pem", "x");
    write_file(file(),
               "listeners:\n  - {name: hub, bind: '127.0.0.1:1', tls: {certificate: c.pem, key: k.pem}}\n");
    auto request = LoadRequest{.file = file(), .overrides = {}, .environment = false};
    EXPECT_TRUE(load_config(request).config);
    request.try_server_tls = [](const TlsServerConfig& tls) {
        return tls.certificate + " holds no certificate";
    };
    EXPECT_EQ(problems(load_config(request)),
              "agenthost.yaml:2:57: listeners[0].tls: c.pem holds no certificate");
}

TEST_F(Accepted, AcceptsTopLevelKeysThatBeginWithX)
{
    const auto result = load("x-limits: &common {in_flight: 7}\nx-more: [1, 2]\nlimits: *common\n");
    EXPECT_EQ(problems(result), "");
    EXPECT_EQ(result.config->limits.in_flight, 7U);
    EXPECT_THAT(problems("log: {x-level: debug}\n"), HasSubstr("unknown key \"x-level\" in log"))
        << "only at the top";
}

TEST_F(Accepted, ResolvesPluginPathsFromTheFileThatNamesThem)
{
    std::filesystem::create_directory(dir / "conf.d");
    write_file(dir / "conf.d/10.yaml",
               "plugins: {storage: {config: {logs: [{path: b.log}, {path: /var/c.log}]}}}\n");
    const auto result =
        with_plugins("plugins: {storage: {config: {tls_ca: ca/a.pem, other: ca/a.pem, quota: 1}}}\n");
    ASSERT_TRUE(result.config) << problems(result);
    const std::string folder = dir.path().string();
    EXPECT_EQ(result.config->plugins.at(0).config_json,
              R"({"tls_ca":")" + folder + R"(/ca/a.pem","other":"ca/a.pem","quota":1,"logs":[{"path":")" +
                  folder + R"(/b.log"},{"path":"/var/c.log"}]})");
}

TEST_F(Accepted, RecordsThePositionOfEveryPluginKey)
{
    const auto result =
        load("plugins:\n  storage:\n    config:\n      quota: 1\n      logs:\n        - {path: /a}\n");
    const PluginConfig& plugin = result.config->plugins.at(0);
    EXPECT_EQ(cut(std::vector{plugin.key_positions.find("/quota")}), "agenthost.yaml:4:7");
    EXPECT_EQ(cut(std::vector{plugin.key_positions.find("/logs/0/path")}), "agenthost.yaml:6:12");
    EXPECT_EQ(cut(std::vector{plugin.key_positions.find("/logs/0/level")}), "agenthost.yaml:6:11")
        << "the nearest around it";
    EXPECT_EQ(plugin.key_positions.find("/none"), "");
}

} // namespace
