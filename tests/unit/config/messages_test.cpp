// Every message, word for word: what is wrong, where, and what to do.
#include "fixture.hpp"

using namespace agenthost::host;
using namespace agenthost::host::test;
using agenthost::test::write_file;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

struct Messages : Configured {
    void SetUp() override { write_file(dir / "s", "secret\n"); }

    // A storage server that is fine, with more lines below.
    static std::string server(const std::string& more, const std::string& url = "wss://h/agent")
    {
        return "servers:\n"
               "  - name: files\n"
               "    protocol: storage\n"
               "    credential: {file: s}\n"
               "    url: " +
               url + "\n" + more;
    }
};

TEST_F(Messages, NameAnUnknownKeyAndSuggestTheClosest)
{
    EXPECT_EQ(problems(server("    heartbeet: 30s\n")),
              "agenthost.yaml:6:5: unknown key \"heartbeet\" in servers[0]; did you mean \"heartbeat\"?");
    EXPECT_EQ(problems("lgo: {level: info}\n"),
              "agenthost.yaml:1:1: unknown key \"lgo\"; did you mean \"log\"?");
    EXPECT_EQ(problems("agent: {state-dir: /x}\n"),
              "agenthost.yaml:1:9: unknown key \"state-dir\" in agent; did you mean \"state_dir\"?");
    EXPECT_EQ(problems("journal: {colour: red}\n"),
              "agenthost.yaml:1:11: unknown key \"colour\" in journal; known are keep, rows, bytes");
    EXPECT_EQ(problems("plugins:\n  storage:\n    storage_path: /x\n"),
              "agenthost.yaml:3:5: unknown key \"storage_path\" in plugins.storage; a plugin's own keys "
              "belong under config:, indented below it");
}

TEST_F(Messages, AreInTheOrderOfTheFile)
{
    EXPECT_EQ(problems("limits: {in_flight: 0}\nlog: {level: loud}\nagent: {io_threads: many, idd: x}\n"),
              "agenthost.yaml:1:21: limits.in_flight: expected a whole number from 1 to 65536, not \"0\"\n"
              "agenthost.yaml:2:14: log.level: expected trace, debug, info, warning or error, not \"loud\"\n"
              "agenthost.yaml:3:21: agent.io_threads: expected a whole number from 1 to 64, not \"many\"\n"
              "agenthost.yaml:3:27: unknown key \"idd\" in agent; did you mean \"id\"?");
}

TEST_F(Messages, StopAfterAHundred)
{
    std::string yaml;
    for (int i = 0; i < 250; ++i) yaml += "key" + std::to_string(i) + ": x\n";
    const LoadResult result = load(yaml);
    ASSERT_EQ(result.problems.size(), 101u);
    EXPECT_EQ(result.problems.back().text, "and 150 more");
}

TEST_F(Messages, ExplainInvalidYaml)
{
    EXPECT_THAT(problems("agent:\n  id: [a, b\n"), StartsWith("agenthost.yaml:3:1: not valid YAML: "));
    EXPECT_THAT(problems("a: b: c\n"), StartsWith("agenthost.yaml:1:5: not valid YAML: "));
    EXPECT_EQ(
        problems("log:\n  # \t a tab in a comment is fine\n\tlevel: info\n"),
        "agenthost.yaml:3:1: this line is indented with a tab. Use spaces: YAML does not allow tabs there");
    EXPECT_EQ(problems("- a\n- b\n"),
              "agenthost.yaml:1:1: expected a map of sections (agent:, servers:, plugins: ...), not a list");
    EXPECT_EQ(problems("log: {}\nagent: {}\nlog: {}\n"),
              "agenthost.yaml:3:1: the key \"log\" is listed twice; the first is in line 1");
    EXPECT_EQ(problems("log: {}\n---\nlog: {}\n"),
              "agenthost.yaml:2:1: a second document (---) in this file; put it into a file of conf.d");
    EXPECT_EQ(problems("agent: {id: !vault x}\n"),
              "agenthost.yaml:1:13: the tag !vault means nothing here; leave it out");
    EXPECT_EQ(problems("? [a]\n: b\n"), "agenthost.yaml:1:3: a key must be text, not a list");
    EXPECT_EQ(problems(std::string_view{"a: \0b\n", 7}),
              "agenthost.yaml: has a NUL byte; this is not a text file");
}

TEST_F(Messages, NameTheExpectedType)
{
    EXPECT_EQ(problems("agent: node\n"), "agenthost.yaml:1:8: agent: expected a map of keys, not \"node\"");
    EXPECT_EQ(problems("agent: {id: [a]}\n"), "agenthost.yaml:1:13: agent.id: expected text, not a list");
    EXPECT_EQ(problems("agent: {id: \"\"}\n"), "agenthost.yaml:1:13: agent.id: expected text, not \"\"");
    EXPECT_EQ(problems("agent: {id: \"a\\nb\"}\n"),
              "agenthost.yaml:1:13: agent.id: has a control character (a line break?); write it on one line");
    EXPECT_EQ(problems("agent: {labels: [a]}\n"),
              "agenthost.yaml:1:17: agent.labels: expected a map such as {site: leeds}, not a list");
    EXPECT_EQ(problems("agent: {plugin_path: /x}\n"),
              "agenthost.yaml:1:22: agent.plugin_path: expected a list, such as [\"/x\"], not \"/x\"");
    EXPECT_EQ(problems("servers: {name: a}\n"), "agenthost.yaml:1:10: servers: expected a list of servers "
                                                "(lines that begin with \"- name:\"), not a map");
    EXPECT_EQ(problems("listeners: x\n"), "agenthost.yaml:1:12: listeners: expected a list of listeners "
                                          "(lines that begin with \"- name:\"), not \"x\"");
    EXPECT_EQ(problems("plugins: [storage]\n"),
              "agenthost.yaml:1:10: plugins: expected a map such as {PLUGIN: {enabled: true}}, not a list");
    EXPECT_EQ(problems("plugins: {storage: {enabled: yes}}\n"),
              "agenthost.yaml:1:30: plugins.storage.enabled: expected true or false, not \"yes\"");
    EXPECT_EQ(problems("plugins: {storage: {isolation: proces}}\n"),
              "agenthost.yaml:1:32: plugins.storage.isolation: expected in-process or process, not "
              "\"proces\"; did you mean \"process\"?");
    EXPECT_EQ(problems("plugins: {storage: {config: 1}}\n"),
              "agenthost.yaml:1:29: plugins.storage.config: expected a map of the plugin's keys, not \"1\"");
    EXPECT_EQ(problems("plugins: {Storage: {}}\n"),
              "agenthost.yaml:1:11: plugins: \"Storage\" is not a plugin's id (lower case letters, digits, "
              "\"_\" and \"-\")");
    EXPECT_EQ(problems("plugins: {a: {config: {x: .inf, y: 99999999999999999999}}}\n"),
              "agenthost.yaml:1:27: plugins.a.config.x: .inf has no place in JSON, which plugins get; write "
              "a number, or quote it\n"
              "agenthost.yaml:1:36: plugins.a.config.y: 99999999999999999999 does not fit into 64 bits; "
              "quote it if it is a name");
}

TEST_F(Messages, ExplainSizesAndDurations)
{
    EXPECT_EQ(problems("journal: {keep: 30}\n"),
              "agenthost.yaml:1:17: journal.keep: expected a duration such as 500ms, 30s, 5m, 1h or 7d (a "
              "unit is missing: 30s?), not \"30\"");
    EXPECT_EQ(problems("journal: {keep: 1s}\n"),
              "agenthost.yaml:1:17: journal.keep: expected a duration from 1m to 3650d, not \"1s\"");
    EXPECT_EQ(problems("journal: {keep: soon}\n"), "agenthost.yaml:1:17: journal.keep: expected a duration "
                                                   "such as 500ms, 30s, 5m, 1h or 7d, not \"soon\"");
    EXPECT_EQ(problems("limits: {message_bytes: 1MB/s}\n"),
              "agenthost.yaml:1:25: limits.message_bytes: expected a size such as 512KiB, 1MiB or 2GiB, not "
              "\"1MB/s\"");
    EXPECT_EQ(problems("limits: {message_bytes: 1GiB}\n"),
              "agenthost.yaml:1:25: limits.message_bytes: expected a size from 1KiB to 64MiB, not \"1GiB\"");
    EXPECT_EQ(
        problems("limits: {message_bytes: 2MiB, memory: 1MiB}\n"),
        "agenthost.yaml:1:9: limits: memory (1MiB) must hold at least one message (message_bytes is 2MiB)");
    EXPECT_EQ(
        problems(server("    reconnect: {factor: 0.5}\n")),
        "agenthost.yaml:6:25: servers[0].reconnect.factor: expected a number from 1 to 10, not \"0.5\"");
}

TEST_F(Messages, ExplainInvalidDialects)
{
    EXPECT_EQ(problems(server("    dialect: field\n")),
              "agenthost.yaml:6:14: servers[0].dialect: protocol storage has no dialect \"field\" (only "
              "panel and dashboard)");
    EXPECT_EQ(problems(server("    dialect: feild\n")),
              "agenthost.yaml:6:14: servers[0].dialect: expected document or field, not \"feild\"; did you "
              "mean \"field\"?");
    // One problem, not two.
    EXPECT_EQ(problems("servers: [{name: a, protocol: storag, dialect: field}]\n"),
              "agenthost.yaml:1:31: servers[0].protocol: expected storage, panel, print, dashboard or "
              "signed, not \"storag\"; did you mean \"storage\"?");
    // The rules of the protocol hold for its dialect.
    EXPECT_EQ(problems("servers: [{name: a, protocol: panel, dialect: field}]\n"),
              "agenthost.yaml:1:11: servers[0]: needs url, or panel.register_url to learn it");
}

TEST_F(Messages, NameMissingKeysOfAServer)
{
    EXPECT_EQ(
        problems("servers:\n  - url: wss://h/x\n"),
        "agenthost.yaml:2:5: servers[0]: name is missing; it identifies the server in the journal and in "
        "status\n"
        "agenthost.yaml:2:5: servers[0]: protocol is missing: storage, panel, print, dashboard or signed");
    EXPECT_EQ(problems("servers:\n  - {name: a, protocol: storage}\n"),
              "agenthost.yaml:2:5: servers[0]: url is missing; write url: wss://HOST/PATH\n"
              "agenthost.yaml:2:5: servers[0]: credential is missing; protocol storage authenticates with "
              "one: credential: {file: PATH}");
    EXPECT_EQ(problems("servers: [{name: a, protocol: panel}]\n"),
              "agenthost.yaml:1:11: servers[0]: needs url, or panel.register_url to learn it");
    EXPECT_EQ(problems("servers: [{name: a, protocol: storag}]\n"),
              "agenthost.yaml:1:31: servers[0].protocol: expected storage, panel, print, dashboard or "
              "signed, not \"storag\"; did you mean \"storage\"?");
    EXPECT_EQ(problems("servers: [{name: a/b, protocol: print, url: wss://h/}]\n"),
              "agenthost.yaml:1:18: servers[0].name: letters, digits, \".\", \"_\" and \"-\" only, at most "
              "64, first a letter or digit");
    EXPECT_EQ(
        problems("servers: [{name: control, protocol: print, url: wss://h/}]\n"),
        "agenthost.yaml:1:18: servers[0].name: \"control\" is the control socket's own name; choose another");
    EXPECT_EQ(problems("servers:\n- {name: a, protocol: print, url: wss://h/}\n- {name: a, protocol: print, "
                       "url: wss://h/}\n"),
              "agenthost.yaml:3:10: servers[1].name: a server named \"a\" already exists above; rename one "
              "of them");
    EXPECT_EQ(problems(server("    print: {shop_id: x}\n")),
              "agenthost.yaml:6:12: servers[0].print: is for protocol print, but this server speaks storage");
    EXPECT_EQ(problems(server("    map: {put: upload}\n")),
              "agenthost.yaml:6:10: servers[0].map.put: \"upload\" is not an action; actions are written "
              "PLUGIN.VERB");
    EXPECT_EQ(problems(server("    headers: {\"X Y\": z}\n")),
              "agenthost.yaml:6:15: servers[0].headers: \"X Y\" is not the name of a header");
    EXPECT_EQ(problems(server("    reconnect: {initial: 1m, max: 1s}\n")),
              "agenthost.yaml:6:16: servers[0].reconnect: initial is longer than max");
    EXPECT_EQ(problems(server("    tls: {certificate: c.pem}\n")),
              "agenthost.yaml:6:10: servers[0].tls: certificate and key belong together; key is missing");
    EXPECT_EQ(problems(server("    tls: {pin_sha256: [abc]}\n")),
              "agenthost.yaml:6:23: servers[0].tls.pin_sha256[0]: expected base64 of 32 bytes (44 "
              "characters), not \"abc\"");
}

TEST_F(Messages, DoNotRepeatAValueThatMayBeASecret)
{
    for (const char* line :
         {"headers: 'Authorization: hunter2'", "headers: ['Authorization: hunter2']",
          "headers: {Authorization: [hunter2]}", "credential: hunter2", "credential: [hunter2]",
          "credential: {hunter2: x}", "credential: {file: [hunter2]}", "proxy: 'socks5://me:hunter2@p:1'",
          "proxy: 'me:hunter2@p:1'", "proxy: [hunter2]"}) {
        const std::string text = problems(server("    " + std::string{line} + "\n"));
        EXPECT_NE(text, "") << line;
        EXPECT_THAT(text, Not(HasSubstr("hunter2"))) << line;
    }
}

TEST_F(Messages, RejectUnsafeOrInvalidUrls)
{
    EXPECT_EQ(problems(server("", "ws://192.0.2.7/agent")),
              "agenthost.yaml:5:10: servers[0].url: ws:// to 192.0.2.7 sends the credential and all data "
              "unencrypted. "
              "Use wss://, or set insecure: true if that is meant");
    EXPECT_EQ(problems(server("    insecure: true\n", "ws://192.0.2.7/agent")), "");
    for (const char* loopback :
         {"ws://127.0.0.1:3001/ws", "ws://localhost/", "\"ws://[::1]:80/\"", "ws://127.9.9.9/"})
        EXPECT_EQ(problems(server("", loopback)), "") << loopback;
    for (const char* not_loopback :
         {"ws://127.0.0.1.example.com/", "ws://localhost.example.com/", "ws://1270.0.0.1/", "ws://0.0.0.0/"})
        EXPECT_THAT(problems(server("", not_loopback)), HasSubstr("unencrypted")) << not_loopback;
    EXPECT_EQ(
        problems(server("", "https://h/agent")),
        "agenthost.yaml:5:10: servers[0].url: sessions are WebSockets; write wss:// in place of https://");
    EXPECT_EQ(problems(server("", "wsss://h/agent")), "agenthost.yaml:5:10: servers[0].url: unknown scheme "
                                                      "\"wsss\"; expected wss or ws; did you mean \"wss\"?");
    EXPECT_EQ(problems(server("", "files.example.com/agent?token=secret&next=https://x")),
              "agenthost.yaml:5:10: servers[0].url: \"files.example.com/agent?token=***&next=***\" is not a "
              "URL; write wss://HOST[:PORT]/PATH");
    EXPECT_EQ(problems(server("", "files.example.com")),
              "agenthost.yaml:5:10: servers[0].url: \"files.example.com\" is not a URL; write "
              "wss://HOST[:PORT]/PATH");
    EXPECT_EQ(problems(server("", "wss://u:pw@h/x")),
              "agenthost.yaml:5:10: servers[0].url: a user or password does not belong in the URL; use "
              "credential: {file: PATH}, or headers");
    EXPECT_EQ(problems(server("", "wss://h/x#y")),
              "agenthost.yaml:5:10: servers[0].url: a \"#\" part is never sent; leave it out");
    for (const std::string bad : {"socks5://p:1", "https://p:1", "http://p:1/path"})
        EXPECT_EQ(problems(server("    proxy: " + bad + "\n")),
                  "agenthost.yaml:6:12: servers[0].proxy: expected http://HOST:PORT of a proxy that supports "
                  "CONNECT (a wss:// session stays encrypted through it), not \"" +
                      bad + "\"");
    EXPECT_EQ(problems(server("    proxy: http://user@p:1\n")),
              "agenthost.yaml:6:12: servers[0].proxy: write USER:PASSWORD before the @, with special "
              "characters percent-encoded (%40)");
    EXPECT_EQ(problems(server("", "wss://h:0/x")),
              "agenthost.yaml:5:10: servers[0].url: the URL's port is not a number from 1 to 65535");
    EXPECT_EQ(problems(server("", "WSS://h/x")), "");
    EXPECT_EQ(
        problems("servers: [{name: a, protocol: panel, url: wss://h/x}]\n"),
        "agenthost.yaml:1:11: servers[0]: needs panel.register_url to get a token, or credential with one");
    EXPECT_EQ(problems("servers: [{name: a, protocol: panel, panel: {register_url: http://h/r}}]\n"),
              "agenthost.yaml:1:60: servers[0].panel.register_url: http:// to h sends secrets unencrypted. "
              "Use https://, or set insecure: true if that is meant");
}

TEST_F(Messages, RejectUnsafeOrInvalidListeners)
{
    EXPECT_EQ(problems("listeners: [{name: a, bind: \"0.0.0.0:80\"}]\n"),
              "agenthost.yaml:1:29: listeners[0].bind: plain HTTP on 0.0.0.0 can be read by anyone on the "
              "network path. Add tls: "
              "{certificate: .., key: ..}, bind to 127.0.0.1, or set insecure: true if that is meant");
    EXPECT_EQ(problems("listeners: [{name: a, bind: \"0.0.0.0:80\", insecure: true}]\n"), "");
    EXPECT_EQ(problems("listeners: [{name: a, bind: \"example.com:80\"}]\n"),
              "agenthost.yaml:1:29: listeners[0].bind: \"example.com:80\" is not ADDRESS:PORT with a numeric "
              "address, such as "
              "127.0.0.1:3001, 0.0.0.0:443 or [::1]:3001");
    const auto bind = [&](const std::string& value) {
        const std::string text = problems("listeners: [{name: a, insecure: true, bind: " + value + "}]\n");
        const std::string known = "or [::1]:3001";
        const auto at = text.find(known);
        return at == std::string::npos ? text : text.substr(at + known.size());
    };
    for (const char* good : {"\"127.0.0.1:1\"", "\"[::]:1\"", "\"*:1\"", "\":1\"", "[\"127.0.0.1:1\"]",
                             "[\"0.0.0.0:1\", \"[::]:1\"]", "[\"127.0.0.1:0\", \"127.0.0.1:0\"]"})
        EXPECT_EQ(bind(good), "") << good;
    EXPECT_EQ(bind("3001"), ". Write *:3001 for every address");
    EXPECT_EQ(bind("\"127.0.0.1\""), ". The port is missing");
    EXPECT_EQ(bind("\"::1\""), ". The port is missing: write [::1]:3001");
    EXPECT_EQ(bind("\":::3001\""), ". An IPv6 address stands in brackets: [::]:3001");
    EXPECT_EQ(bind("\"0.0.0.0:1, [::]:1\""),
              R"(. Several are written as a list: ["0.0.0.0:443", "[::]:443"])");
    EXPECT_EQ(bind("\"localhost:1\""), R"(. For localhost write ["127.0.0.1:1", "[::1]:1"])");
    EXPECT_EQ(bind("\"127.0.0.1:http\""), ". A port is a number from 0 to 65535");
    EXPECT_EQ(bind("[]"),
              "agenthost.yaml:1:45: listeners[0].bind: the list is empty; write bind: \"127.0.0.1:3001\"");
    EXPECT_EQ(bind("[\"127.0.0.1:1\", \"127.0.0.1:1\"]"),
              "agenthost.yaml:1:45: listeners[0].bind: 127.0.0.1:1 is listed twice");
    EXPECT_EQ(problems("listeners: [{}]\n"),
              "agenthost.yaml:1:13: listeners[0]: name is missing; plugins refer to a listener by it\n"
              "agenthost.yaml:1:13: listeners[0]: bind is missing; write bind: \"127.0.0.1:3001\"");
    EXPECT_EQ(problems("listeners: [{name: a, bind: \"127.0.0.1:1\"}, {name: a, bind: \"127.0.0.1:1\"}]\n"),
              "agenthost.yaml:1:52: listeners[1].name: a listener named \"a\" already exists above; rename "
              "one of them\n"
              "agenthost.yaml:1:61: listeners[1].bind: another listener has 127.0.0.1:1 already");
    EXPECT_EQ(problems("listeners: [{name: a, bind: \"127.0.0.1:1\", tls: {key: s}}]\n"),
              "agenthost.yaml:1:49: listeners[0].tls: certificate is missing");
    EXPECT_EQ(problems("metrics: {bind: \"0.0.0.0:9\"}\n"),
              "agenthost.yaml:1:17: metrics.bind: metrics are served without TLS or a password, so only on "
              "loopback; "
              "write 127.0.0.1:9 and put a proxy in front");
    EXPECT_EQ(problems("control: {socket: /" + std::string(120, 'x') + "}\n"),
              "agenthost.yaml:1:19: control.socket: longer than 107 bytes, more than the kernel takes for a "
              "socket");
}

TEST_F(Messages, RejectUnsafeOrInvalidTrustedProxies)
{
    const auto proxies = [&](const std::string& value) {
        return problems("listeners: [{name: a, bind: \"127.0.0.1:1\", " + value + "}]\n");
    };
    EXPECT_EQ(proxies("trusted_proxies: [127.0.0.1, 10.0.0.0/8, \"2001:db8::/64\"], proxy_protocol: true"),
              "");
    EXPECT_EQ(proxies("trusted_proxies: [10.0.0.1/8]"),
              "agenthost.yaml:1:61: listeners[0].trusted_proxies: \"10.0.0.1/8\" is not an address or a "
              "range, such as "
              "127.0.0.1, 10.0.0.0/8 or 2001:db8::/64 (bits after the prefix are zero)");
    EXPECT_EQ(proxies("trusted_proxies: [\"::/0\"]"),
              "agenthost.yaml:1:61: listeners[0].trusted_proxies: \"::/0\" trusts everyone, so that each "
              "client could claim "
              "any address. List the proxies' own addresses");
    EXPECT_EQ(proxies("proxy_protocol: true"), "agenthost.yaml:1:60: listeners[0].proxy_protocol: "
                                               "trusted_proxies is empty, so that no connection may bring "
                                               "the header. List the proxies' addresses there");
}

TEST_F(Messages, RefuseASecretInTheFileWithoutRepeatingIt)
{
    const std::string text =
        problems("servers: [{name: a, protocol: storage, url: wss://h/, credential: hunter2}]\n");
    EXPECT_EQ(text, "agenthost.yaml:1:67: servers[0].credential: a secret does not belong into the "
                    "configuration. Put it into a file of "
                    "mode 0600 and write {file: PATH} here; {env: NAME} and {systemd: NAME} also work");
    EXPECT_EQ(problems("servers: [{name: a, protocol: storage, url: wss://h/, credential: {path: x}}]\n"),
              "agenthost.yaml:1:68: unknown key \"path\" in servers[0].credential; expected one of {file: "
              "PATH}, {env: NAME} or {systemd: NAME}");
    EXPECT_EQ(
        problems("servers: [{name: a, protocol: storage, url: wss://h/, credential: {file: s, env: E}}]\n"),
        "agenthost.yaml:1:67: servers[0].credential: expected one of {file: PATH}, {env: NAME} or {systemd: "
        "NAME}");
}

TEST_F(Messages, RefuseAWorldReadableSecret)
{
    write_file(dir / "open", "x", 0644);
    const std::string yaml =
        "servers: [{name: a, protocol: storage, url: wss://h/, credential: {file: open}}]\n";
    EXPECT_EQ(problems(yaml),
              "agenthost.yaml:1:67: servers[0].credential: everyone on this machine may open open. "
              "Make it private: chmod 0600 open; for a container's secret write {file: PATH, mode: any}");
    write_file(dir / "open", "x", 0660);
    EXPECT_THAT(problems(yaml), HasSubstr("a group may change open. Make it private: chmod 0600 open"));
    write_file(dir / "open", "x", 0640); // ours, and its group is ours
    EXPECT_EQ(problems(yaml), "");
}

TEST_F(Messages, WarnAboutInsecureSettings)
{
    const LoadResult result = load("servers:\n"
                                   "- {name: a, protocol: storage, url: \"wss://h/?token=x\", credential: "
                                   "{file: gone}, tls: {verify: false}}\n");
    ASSERT_EQ(problems(result), "");
    EXPECT_EQ(cut(result.warnings),
              "agenthost.yaml:2:37: servers[0].url: seems to carry a secret in its query; credential: {file: "
              "PATH} keeps it out of this file\n"
              "agenthost.yaml:2:69: servers[0].credential: gone does not exist; create it with mode 0600\n"
              "agenthost.yaml:2:97: servers[0].tls.verify: false means that anyone between can pose as this "
              "server; "
              "tls.ca or tls.pin_sha256 is safer");
}

TEST_F(Messages, ExplainWhyAFileIsNotRead)
{
    const auto refusal = [&](const std::filesystem::path& path) {
        return problems(load_config({.file = path, .overrides = {}, .environment = false}));
    };
    EXPECT_EQ(refusal(dir / "none.yaml"), "none.yaml: there is no such file; name another with -c FILE");
    std::filesystem::create_directory(dir / "folder");
    EXPECT_THAT(refusal(dir / "folder"), StartsWith("folder: is a directory; name the file in it, such as "));
    write_file(dir / "big.yaml", std::string((1 << 20) + 1, '#'));
    EXPECT_EQ(refusal(dir / "big.yaml"),
              "big.yaml: larger than 1 MiB; this is not a configuration of agenthost");
    write_file(dir / "loose.yaml", "log: {}\n", 0666);
    EXPECT_EQ(refusal(dir / "loose.yaml"), "loose.yaml: everyone on this machine may change it, and so run "
                                           "commands as the daemon. chmod o-w loose.yaml");
}

} // namespace
