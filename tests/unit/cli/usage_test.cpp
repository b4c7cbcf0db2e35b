#include "fixture.hpp"

using namespace agenthost::host::test;
using testing::HasSubstr;
using testing::Not;

namespace {

using Usage = Command;

TEST_F(Usage, ExplainsTheFirstSteps)
{
    const Ran help = bare({"--help"});
    EXPECT_EQ(help.code, 0) << help.err;
    for (const char* word : {"First steps:", "agenthost config check", "run", "config", "plugin", "status",
                             "call", "reload", "health", "doctor", "reconnect", "version", "--control-socket",
                             "Exit codes: 0 ok, 1 failed, 2 wrong usage, 78 invalid configuration"})
        EXPECT_THAT(help.out, HasSubstr(word));
    EXPECT_EQ(bare({"call", "--help"}).code, 0);
    EXPECT_THAT(bare({"call", "--help"}).out, HasSubstr("@FILE"));
    EXPECT_EQ(bare({"help"}).out, help.out);
    EXPECT_EQ(bare({"help", "call"}).out, bare({"call", "--help"}).out);
    const Ran nothing = bare({});
    EXPECT_EQ(nothing.code, 2);
    EXPECT_EQ(nothing.out, "");
    EXPECT_THAT(nothing.err, HasSubstr("First steps:"));
}

TEST_F(Usage, SuggestsTheClosestVerb)
{
    const Ran typo = run({"statsu"});
    EXPECT_EQ(typo.code, 2);
    EXPECT_EQ(typo.err, "agenthost: unknown verb \"statsu\"; did you mean \"status\"?\n");
    EXPECT_EQ(run({"frobnicate"}).err, "agenthost: unknown verb \"frobnicate\". Verbs: agenthost --help; a "
                                       "plugin's own verb comes with its package\n");
    EXPECT_EQ(run({"../sh"}).code, 2);
}

TEST_F(Usage, RejectsUnknownOptions)
{
    const Ran option = run({"status", "--colour"});
    EXPECT_EQ(option.code, 2);
    EXPECT_THAT(option.err, HasSubstr("--colour"));
    EXPECT_THAT(option.err, HasSubstr("See: agenthost status --help"));
    EXPECT_EQ(run({"config"}).code, 2);
    EXPECT_THAT(
        run({"config", "chekc"}).err,
        HasSubstr("unknown verb \"config chekc\"; did you mean \"check\"? See: agenthost config --help"));
    EXPECT_EQ(run({"call"}).code, 2);
    EXPECT_EQ(run({"reconnect"}).code, 2);
    const Ran override_ = run({"-o", "log.level", "config", "check"});
    EXPECT_EQ(override_.code, 2);
    EXPECT_EQ(override_.err,
              "agenthost: -o log.level: write -o section.key=value, e.g. -o log.level=debug\n");
}

TEST_F(Usage, PrintsItsVersion)
{
    EXPECT_EQ(bare({"version"}).out, "agenthost " AGENTHOST_VERSION " (plugin ABI 1.0)\n");
    EXPECT_EQ(bare({"--version"}).out, bare({"version"}).out);
    EXPECT_EQ(bare({"--json", "version"}).out, "{\"abi\":\"1.0\",\"version\":\"" AGENTHOST_VERSION "\"}\n");
}

TEST_F(Usage, RunsTheDaemon)
{
    const Ran ran = run({"-o", "log.level=debug", "run", "-o", "agent.id=[x]"});
    EXPECT_EQ(ran.code, 7) << ran.err;
    EXPECT_THAT(ran.out,
                HasSubstr("run " + config.string() +
                          " log.level=debug agent.id=[x] control.socket=" + socket.string() + " runner="));
    EXPECT_THAT(ran.out, HasSubstr("/agenthost-runner\n"));
}

TEST_F(Usage, ChecksTheConfiguration)
{
    const Ran good = run({"config", "check"});
    EXPECT_EQ(good.code, 0) << good.err;
    EXPECT_EQ(good.out, "ok: " + config.string() + " (0 servers, 0 listeners, 0 plugins)\n");
    write_file(config, "plugins: {telemetry: {enabled: false}}\n");
    EXPECT_THAT(run({"config", "check"}).out, HasSubstr("(0 servers, 0 listeners, 0 enabled of 1 plugin)"));
    write_file(config, "log: {levle: info}\nagent: {io_threads: 0}\n");
    const Ran bad = run({"config", "check"});
    EXPECT_EQ(bad.code, 78);
    EXPECT_EQ(bad.out, "");
    EXPECT_EQ(bad.err,
              config.string() + ":1:7: unknown key \"levle\" in log; did you mean \"level\"?\n" +
                  config.string() +
                  ":2:21: agent.io_threads: expected a whole number from 1 to 64, not \"0\"\n2 problems\n");
    const Ran json = run({"--json", "config", "check"});
    EXPECT_EQ(json.code, 78);
    EXPECT_THAT(json.out, HasSubstr("\"ok\": false"));
    EXPECT_EQ(run({"config", "show"}).code, 78);
    EXPECT_EQ(bare({"-c", "/nonexistent/x.yaml", "config", "check"}).code, 78);
}

TEST_F(Usage, ShowsTheEffectiveConfiguration)
{
    const Ran shown = run({"-o", "agent.id=from-option", "config", "show"});
    EXPECT_EQ(shown.code, 0) << shown.err;
    EXPECT_THAT(shown.out, HasSubstr("  id: from-option\n"));
    const Ran schema = bare({"config", "schema"});
    EXPECT_EQ(schema.code, 0);
    EXPECT_THAT(schema.out, HasSubstr("\"$schema\""));
}

// --- plugins' verbs
// -----------------------------------------------------------------------------------------------------------

TEST_F(Usage, RunsAPluginsOwnVerb)
{
    write_file(plugins / "agenthost-greet",
               "#!/bin/sh\necho \"$# $* | $AGENTHOST_CONTROL | $AGENTHOST_CONFIG\"\nexit 5\n", 0755);
    const Ran ran = run({"greet", "--loud", "world", "--help"});
    EXPECT_EQ(ran.code, 5) << ran.err;
    EXPECT_EQ(ran.out, "3 --loud world --help | " + socket.string() + " | " + config.string() + "\n");
    EXPECT_THAT(run({"--help"}).out, HasSubstr("Verbs of plugins (agenthost VERB --help):\n  greet\n"));
    EXPECT_THAT(run({"gret"}).err, HasSubstr("did you mean \"greet\"?"));
    EXPECT_EQ(run({"--json", "greet"}).out.substr(0, 8), "1 --json");
    EXPECT_EQ(run({"--json", "greet", "on", "--", "cmd"}).out.substr(0, 18),
              "4 on --json -- cmd"); // cmd has its own
}

TEST_F(Usage, RefusesAVerbThatOthersCanChange)
{
    const auto file = plugins / "agenthost-greet";
    write_file(file, "#!/bin/sh\necho ran\n", 0777);
    const Ran ran = run({"greet"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr("can be changed by others. Run: chmod go-w " +
                                   std::filesystem::canonical(file).string()));
    write_file(file, "#!/bin/sh\necho ran\n", 0755);
    std::filesystem::permissions(plugins, std::filesystem::perms{0777});
    EXPECT_THAT(run({"greet"}).err, HasSubstr("can be changed by others"));
    std::filesystem::permissions(
        plugins, std::filesystem::perms{01777}); // sticky helps above, not here: others may add files
    EXPECT_THAT(run({"greet"}).err, HasSubstr("can be changed by others"));
    std::filesystem::permissions(plugins, std::filesystem::perms{0755});
    EXPECT_EQ(run({"greet"}).out, "ran\n");
    write_file(file, "#!/bin/sh\necho ran\n", 0644); // no program
    EXPECT_EQ(run({"greet"}).code, 2);
}

// --- plugin list, info, check
// --------------------------------------------------------------------------------------------------

struct PluginVerbs : Command {
    void SetUp() override
    {
        Command::SetUp();
        write_file(
            plugins / "echo.manifest.json",
            R"({"id":"echo","version":"1.2.3","license":"MIT","description":"Says it again","run":"inline",
            "config":{"type":"object","additionalProperties":false,"properties":{"loud":{"type":"boolean","default":false,"description":"In capitals"}}},
            "actions":[{"name":"echo.say","summary":"Answers with its params","effects":true,
                        "params":{"type":"object","required":["text"],"properties":{"text":{"type":"string","maxLength":5,"description":"What"}}}}]})",
            0644);
        write_file(plugins / "bad.manifest.json", "{", 0644);
    }
};

TEST_F(PluginVerbs, ListWhatIsInstalled)
{
    const Ran list = run({"plugin", "list"});
    EXPECT_EQ(list.code, 0) << list.err;
    EXPECT_THAT(list.out, testing::ContainsRegex("echo +1.2.3 +no +- +Says it again"));
    EXPECT_THAT(list.out, HasSubstr("bad"));
    write_file(config,
               "agent: {state_dir: state, plugin_path: [plugins]}\nplugins: {echo: {enabled: true}}\n");
    const Ran running = against(FakeDaemon::json(200, R"([{"id":"echo","state":"running","healthy":true}])"),
                                {"plugin", "list"});
    EXPECT_THAT(running.out, testing::ContainsRegex("echo +1.2.3 +yes +running +Says it again"));
    EXPECT_THAT(run({"--json", "plugin", "list"}).out, HasSubstr("\"enabled\": true"));
}

TEST_F(PluginVerbs, ExplainAPlugin)
{
    const Ran info = run({"plugin", "info", "echo"});
    EXPECT_EQ(info.code, 0) << info.err;
    for (const char* text : {"echo 1.2.3, MIT", "echo.say", "has effects: journalled", "text",
                             "string, required", "In capitals", "boolean, default false"})
        EXPECT_THAT(info.out, HasSubstr(text));
    EXPECT_THAT(run({"--json", "plugin", "info", "echo"}).out, HasSubstr("\"id\":\"echo\""));
    const Ran typo = run({"plugin", "info", "ehco"});
    EXPECT_EQ(typo.code, 1);
    EXPECT_THAT(typo.err, HasSubstr("did you mean \"echo\"?"));
}

TEST_F(PluginVerbs, CheckTheConfigurationAgainstTheManifest)
{
    write_file(config, "agent: {state_dir: state, plugin_path: [plugins]}\nplugins:\n  echo:\n    enabled: "
                       "true\n    config: {laud: true}\n");
    const Ran check = run({"config", "check"});
    EXPECT_EQ(check.code, 78);
    EXPECT_THAT(check.err, HasSubstr(config.string() + ":5:14: plugins.echo.config.laud: "));
    EXPECT_THAT(check.err, HasSubstr("laud"));
    write_file(config,
               "agent: {state_dir: state, plugin_path: [plugins]}\nplugins:\n  ecko: {enabled: true}\n");
    const Ran absent = run({"config", "check"});
    EXPECT_EQ(absent.code, 78);
    EXPECT_THAT(absent.err, HasSubstr("plugins.ecko: no such plugin in "));
    EXPECT_THAT(absent.err, HasSubstr("did you mean \"echo\"?"));
}

TEST_F(PluginVerbs, CheckTheFiles)
{
    const Ran all = run({"plugin", "check"});
    EXPECT_EQ(all.code, 1);
    EXPECT_THAT(all.out, HasSubstr("FAIL  echo")); // it has no library
    EXPECT_THAT(all.out, HasSubstr("FAIL  bad"));
    EXPECT_THAT(run({"plugin", "check", (plugins / "nosuch.so").string()}).err,
                HasSubstr("no nosuch.manifest.json beside"));
    EXPECT_THAT(run({"--json", "plugin", "check", "echo"}).out, HasSubstr("\"ok\": false"));
}

} // namespace
