// What `agenthost config check` accepts, `agenthost run` accepts: with the plugins as they are, each fault is
// named at its place by `config check` and by `doctor` before anything runs.
#include "../support/daemon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

class CheckedConfig : public testing::Test {
protected:
    CheckedConfig() { write_file(dir_ / "admin", "admin-token-of-this-test\n", 0600); }
    Ran agenthost(std::vector<std::string> args, const std::string& yaml,
                  const std::map<std::string, std::string>& env = {})
    {
        const std::string head = "agent: {id: node-01, state_dir: '" + (dir_ / "state").string() +
                                 "', plugin_path: ['" + plugin_dir().string() + "']}\ncontrol: {socket: '" +
                                 (dir_ / "control.sock").string() + "'}\n";
        write_file(dir_ / "agenthost.yaml", head + yaml);
        args.insert(args.begin(), program("agenthost").string());
        args.insert(args.end(), {"-c", (dir_ / "agenthost.yaml").string()});
        const auto ran = run(args, env);
        return {ran.code, ran.out + ran.err, {}};
    }
    std::string hub(const std::string& admin, const std::string& listener) const
    {
        return "listeners: [{name: inner, bind: '127.0.0.1:0'}]\nplugins:\n  hub: {enabled: true, config: "
               "{listener: " +
               listener + ", admin_token: {file: " + (dir_ / admin).string() + "}}}\n";
    }
    std::string storage(const std::string& more) const
    {
        return "plugins:\n  storage: {enabled: true, config: {storage_path: '" + (dir_ / "files").string() +
               "', " + more + "}}\n";
    }
    std::string server(const std::string& more) const
    {
        return "servers: [{name: s, protocol: storage, url: 'wss://127.0.0.1:1/agent', credential: {file: '" +
               (dir_ / "admin").string() + "'}, " + more + "}]\n" + storage("quota: 1GiB");
    }
    // Both refuse it, and each says all of `words`.
    void refused(const std::string& yaml, const std::vector<std::string>& words,
                 const std::map<std::string, std::string>& env = {})
    {
        for (const char* verb : {"check", "doctor"}) {
            const auto ran =
                agenthost(std::string{verb} == "check" ? std::vector<std::string>{"config", "check"}
                                                       : std::vector<std::string>{"doctor"},
                          yaml, env);
            EXPECT_NE(ran.code, 0) << verb << ": " << yaml << ran.out;
            for (const auto& word : words) EXPECT_THAT(ran.out, HasSubstr(word)) << verb << ": " << yaml;
        }
    }
    TempDir dir_;
};

TEST_F(CheckedConfig, RejectsWhatAPluginWouldRefuseAtItsStart)
{
    refused(hub("no-such-file", "inner"), {"plugins.hub.config.admin_token", "no-such-file"});
    refused(hub("admin", "outer"), {"plugins.hub.config.listener", "outer"});
    refused(storage("quota: lots"), {"plugins.storage.config.quota", "lots"});
    refused(storage("tls_ca: no-ca.pem"), {"plugins.storage.config.tls_ca", (dir_ / "no-ca.pem").string()});
    refused("plugins:\n  terminal: {enabled: true, config: {run_as: no-such-user-here}}\n",
            {"plugins.terminal.config.run_as", "no-such-user-here"});
    // With what was wrong put right there is nothing to say.
    for (const auto& good : {hub("admin", "inner"), storage("quota: 1.5GiB, min_rate_window: 1m")}) {
        const auto ran = agenthost({"config", "check"}, good);
        EXPECT_EQ(ran.code, 0) << good << ran.out;
        EXPECT_THAT(ran.out, Not(HasSubstr("warning"))) << good;
    }
}

TEST_F(CheckedConfig, RejectsOrReportsIgnoredSettings)
{
    refused(server("allow: ['storge.*']"), {"servers[0].allow", "storge", "storage"});
    refused(server("map: {save: storage.uplod}"), {"servers[0].map", "storage.uplod"});
    refused(server("tls: {ca: no-ca.pem}"), {"servers[0].tls", (dir_ / "no-ca.pem").string()});
    refused(server("headers: {Upgrade: foo}"), {"servers[0].headers", "Upgrade"});
    refused("servers: [{name: s, protocol: storage, url: 'wss://{HOST}/', credential: {file: admin}}]\n",
            {"servers[0].url", "{HOST}"});
    refused("log: {level: \"\xff\"}\n", {"UTF-8"});
    write_file(dir_ / "pair.pem", "not a certificate\n", 0600);
    refused("listeners: [{name: l, bind: '127.0.0.1:0', tls: {certificate: pair.pem, key: pair.pem}}]\n",
            {"tls", "pair.pem"});
    std::filesystem::create_directory(dir_ / "conf.d");
    write_file(dir_ / "conf.d" / "a.yml", "log: {level: debug}\n");
    EXPECT_THAT(agenthost({"config", "check"}, "").out, HasSubstr("a.yml"));
    EXPECT_THAT(agenthost({"config", "check"}, "", {{"AGENTHOST_LOG_LEVEL", "debug"}}).out,
                AllOf(HasSubstr("AGENTHOST_LOG_LEVEL"), HasSubstr("AGENTHOST__LOG__LEVEL")));
}

// A file that is needed is read at the start, from the folder of the file that names it; a reserve that is
// too small is told.
TEST_F(CheckedConfig, StorageReadsItsCaAtItsStart)
{
    const std::string more =
        "plugins:\n  storage: {enabled: true, config: {storage_path: '{dir}/files', reserve_free: "
        "1MiB, tls_ca: no-ca.pem}}\n";
    Daemon daemon{{.yaml = more}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    const std::string file = (daemon.dir() / "no-ca.pem").string();
    EXPECT_TRUE(wait_for([&] { return daemon.log().find(file) != std::string::npos; })) << daemon.log();
    EXPECT_NE(daemon.cli({"health"}).code, 0);
    EXPECT_THAT(daemon.log(), HasSubstr("reserve_free: 1MiB is below 16MiB"));
}

} // namespace
