// `register NAME` against a panel that is played here, `config import FILE` with real files.
#include "fixture.hpp"

#include "tests/support/caught.hpp"
#include "tests/support/proxy.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>

using namespace agenthost::host::test;
using agenthost::test::http_answer;
using agenthost::test::HttpRequest;
using agenthost::test::HttpServer;
using agenthost::test::read_file;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

namespace {

struct Register : Command {
    agenthost::test::Caught<std::string> answer; // the panel's thread reads it
    HttpServer panel{[this](const HttpRequest& request) {
        return request.header("authorization") == "Bearer admin-secret"
                   ? http_answer("200 OK", answer.get())
                   : http_answer("401 Unauthorized", R"({"error":{"code":"AUTH_FAILED"}})");
    }};

    void SetUp() override
    {
        Command::SetUp();
        answer.put(
            R"({"success":true,"agent":{"id":"agent_uuid","token":"jwt-one","refreshToken":"refresh-one"}})");
        write_file(dir / "admin", "admin-secret\n");
        write_file(plugins / "echo.manifest.json",
                   R"({"id":"echo","version":"1.0.0","license":"MIT","capabilities":["echo"],"actions":[]})",
                   0644);
        write_file(config,
                   "agent: {id: node-01, state_dir: state, plugin_path: [plugins]}\nplugins: {echo: "
                   "{enabled: true}}\n"
                   "servers: [{name: games, protocol: panel, panel: {register_url: '" +
                       panel.url("/api/agents/register") + "', admin_credential: {file: admin}}},\n" +
                       "  {name: files, protocol: storage, url: 'wss://h/x', credential: {file: admin}}]\n");
    }
};

TEST_F(Register, SavesThePanelsTokensAndNotifiesTheDaemon)
{
    const Ran ran = against(FakeDaemon::json(200, R"({"ok":true})"), {"register", "games"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("registered with games as agent_uuid"));
    EXPECT_THAT(ran.out, HasSubstr("the daemon connects with them now"));
    EXPECT_THAT(asked, HasSubstr("POST /v1/reconnect"));
    EXPECT_THAT(ran.out + ran.err, Not(HasSubstr("jwt-one")));
    const auto file = dir / "state/servers/games/registration.json";
    EXPECT_EQ(json::parse(read_file(file))["token"], "jwt-one");
    struct stat st {};
    ASSERT_EQ(::stat(file.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    const json body = json::parse(panel.requests().at(0).body);
    EXPECT_EQ(body["name"], "node-01");
    EXPECT_EQ(body["capabilities"]["features"], json({"echo"}));
}

TEST_F(Register, NeedsNoDaemonAndReplacesOldTokens)
{
    EXPECT_EQ(run({"register", "games"}).code, 0);
    answer.put(R"({"success":true,"agent":{"id":"another","token":"jwt-two"}})");
    const Ran ran = run({"--json", "register", "games"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(json::parse(ran.out)["agent_id"], "another");
    EXPECT_EQ(json::parse(ran.out)["reconnecting"], false);
    EXPECT_EQ(json::parse(read_file(dir / "state/servers/games/registration.json"))["token"], "jwt-two");
}

TEST_F(Register, ReportsThePanelsError)
{
    write_file(dir / "admin", "wrong-secret");
    const Ran ran = run({"register", "games"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, HasSubstr("answered 401: AUTH_FAILED . Check panel.admin_credential"));
    EXPECT_THAT(ran.err, Not(HasSubstr("wrong-secret")));
    EXPECT_FALSE(std::filesystem::exists(dir / "state/servers/games/registration.json"));
}

TEST_F(Register, RefusesServersThatDoNotRegister)
{
    EXPECT_THAT(run({"register", "files"}).err,
                HasSubstr("server files has no registration: only servers of the panel protocol have one"));
    EXPECT_THAT(run({"register", "nobody"}).err, HasSubstr("no server named \"nobody\""));
    EXPECT_EQ(run({"register"}).code, 2);
}

struct Importing : Command {
    std::string file = (dir / "ws.json").string();
    void SetUp() override
    {
        Command::SetUp();
        write_file(file, R"({"wsApiUrl":"wss://{public_ip}/agent","wsSecret":"aws \"secret\" key"})");
    }
};

TEST_F(Importing, StoresTheSecretAndPrintsTheServer)
{
    const Ran ran = run({"config", "import", file});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out,
                HasSubstr("  - name: ops\n    protocol: signed\n    url: \"wss://{public_ip}/agent\"\n"));
    EXPECT_THAT(ran.out, Not(HasSubstr("aws")));
    EXPECT_EQ(read_file(dir / "credentials/ops"), "aws \"secret\" key");
    struct stat st {};
    ASSERT_EQ(::stat((dir / "credentials/ops").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    ASSERT_EQ(::stat((dir / "credentials").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0700u);
    // What is printed is a configuration as it is.
    write_file(config, ran.out);
    EXPECT_EQ(run({"config", "check"}).code, 0) << run({"config", "check"}).err;
}

TEST_F(Importing, AddsTheServerToTheConfiguration)
{
    const Ran ran = run({"config", "import", "--add", "--name", "prod", file});
    EXPECT_EQ(ran.code, 0) << ran.err;
    const Ran shown = run({"config", "show"});
    EXPECT_THAT(shown.out, HasSubstr("prod"));
    EXPECT_THAT(shown.out, Not(HasSubstr("aws")));
}

TEST_F(Importing, OverwritesOnlyWithReplace)
{
    EXPECT_EQ(run({"config", "import", "--add", file}).code, 0);
    EXPECT_EQ(run({"config", "import", "--add", file}).code, 0) << "the same again is fine";
    write_file(file, R"({"wsApiUrl":"wss://h/agent","wsSecret":"other"})");
    const Ran ran = run({"config", "import", "--add", file});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err,
                HasSubstr("holds another secret. Choose another --name, or overwrite it with --replace"));
    EXPECT_EQ(run({"config", "import", "--add", "--replace", file}).code, 0);
    EXPECT_EQ(read_file(dir / "credentials/ops"), "other");
}

TEST_F(Importing, RejectsInvalidFiles)
{
    for (const char* bad :
         {"", "[]", "{", R"({"wsApiUrl":"wss://h/x"})", R"({"wsApiUrl":7,"wsSecret":"s"})",
          R"({"wsApiUrl":"https://h/x","wsSecret":"s"})", R"({"wsApiUrl":"wss://u:p@h/x","wsSecret":"s"})"}) {
        write_file(file, bad);
        EXPECT_EQ(run({"config", "import", file}).code, 1) << bad;
    }
    EXPECT_EQ(run({"config", "import", (dir / "none").string()}).code, 1);
    EXPECT_EQ(run({"config", "import", "--name", "../x", file}).code, 2);
    EXPECT_FALSE(std::filesystem::exists(dir / "credentials"));
}

} // namespace
