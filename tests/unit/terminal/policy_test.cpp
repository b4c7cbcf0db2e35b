// Configuration, parameters, and what is allowed.
#include <plugins/terminal/config.hpp>
#include <plugins/terminal/params.hpp>
#include <plugins/terminal/policy.hpp>

#include <agenthost/error.hpp>
#include <tests/support/support.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace agenthost::terminal;
using namespace std::chrono_literals;
using agenthost::Error;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace {

bool ok(std::string_view pattern, std::string_view path, std::vector<std::string> arguments = {})
{
    return admits(pattern, path, arguments);
}

template <class F> std::string code_of(F&& fn)
{
    try {
        fn();
    } catch (const Error& e) {
        return e.code();
    }
    return "none";
}

template <class F> std::string error_text_of(F&& fn)
{
    try {
        fn();
    } catch (const std::exception& e) {
        return e.what();
    }
    return "none";
}

TEST(Patterns, APathAloneTakesAnyArguments)
{
    EXPECT_TRUE(ok("/usr/bin/uptime", "/usr/bin/uptime"));
    EXPECT_TRUE(ok("/usr/bin/uptime", "/usr/bin/uptime", {"-p", "--since"}));
    EXPECT_FALSE(ok("/usr/bin/uptime", "/usr/bin/uptime2"));
    EXPECT_FALSE(ok("/usr/bin/uptime", "/tmp/usr/bin/uptime"));
}

TEST(Patterns, AStarOfThePathDoesNotCrossASlash)
{
    EXPECT_TRUE(ok("/usr/bin/*", "/usr/bin/id"));
    EXPECT_FALSE(ok("/usr/bin/*", "/usr/bin/evil/id"));
    EXPECT_FALSE(ok("/usr/*", "/usr/bin/id"));
}

TEST(Patterns, ArgumentsAreMatchedOneByOne)
{
    const char* pattern = "/usr/bin/systemctl status *";
    EXPECT_TRUE(ok(pattern, "/usr/bin/systemctl", {"status", "nginx"}));
    EXPECT_FALSE(ok(pattern, "/usr/bin/systemctl", {"status"}));
    EXPECT_FALSE(ok(pattern, "/usr/bin/systemctl", {"status", "nginx", "--user"}));
    EXPECT_FALSE(ok(pattern, "/usr/bin/systemctl", {"stop", "nginx"}));
    EXPECT_FALSE(ok(pattern, "/usr/bin/systemctl", {"status nginx"})); // one argument is not two
}

TEST(Patterns, DotsAdmitFurtherArguments)
{
    EXPECT_TRUE(ok("/bin/echo a ...", "/bin/echo", {"a"}));
    EXPECT_TRUE(ok("/bin/echo a ...", "/bin/echo", {"a", "b", "c"}));
    EXPECT_FALSE(ok("/bin/echo a ...", "/bin/echo", {"b", "a"}));
    EXPECT_FALSE(ok("/bin/echo a ...", "/bin/echo"));
}

TEST(Patterns, EmptyQuotesAdmitNoArguments)
{
    EXPECT_TRUE(ok("/usr/bin/id \"\"", "/usr/bin/id"));
    EXPECT_FALSE(ok("/usr/bin/id \"\"", "/usr/bin/id", {"-u"}));
}

TEST(PlainWords, AreWhatAShellWouldNotChange)
{
    EXPECT_THAT(plain_words("systemctl status  nginx.service"),
                ElementsAre("systemctl", "status", "nginx.service"));
    EXPECT_THAT(plain_words("/usr/bin/id -u"), ElementsAre("/usr/bin/id", "-u"));
    for (const char* text : {"a;b", "a|b", "a&b", "$(a)",  "`a`",  "a>b",    "a<b",   "a\nb", "a*", "a?",
                             "[a]", "~",   "'a'", "\"a\"", "a\\b", "a{b,c}", "A=b c", "a#b",  "!a", "(a)"})
        EXPECT_TRUE(plain_words(text).empty()) << text;
}

struct Policy : testing::Test {
    Config config;
    User user = own_user();
    RunParams run;
    Policy() { run.argv = {"uname", "-a"}; }
};

TEST_F(Policy, AdmitsNothingByDefault)
{
    EXPECT_EQ(code_of([&] { admit(config, user, run); }), "DENIED");
}

TEST_F(Policy, FindsTheProgramInTheConfiguredPathOnly)
{
    config.allow = {"*"};
    run.env = {{"PATH", "/tmp"}};
    const Admitted what = admit(config, user, run);
    EXPECT_THAT(what.program, testing::AnyOf("/usr/bin/uname", "/bin/uname"));
    EXPECT_THAT(what.argv, ElementsAre("uname", "-a"));
    EXPECT_THAT(what.env, Contains("PATH=/tmp")); // the command's own affair
}

TEST_F(Policy, ComparesWithThePathThatIsExecuted)
{
    config.allow = {"/usr/bin/uname", "/bin/uname"};
    EXPECT_NO_THROW(admit(config, user, run));
    run.argv = {"/usr/bin/../bin/./uname"};
    const Admitted what = admit(config, user, run);
    EXPECT_EQ(what.program, "/usr/bin/uname");
    run.argv = {"env"};
    EXPECT_EQ(code_of([&] { admit(config, user, run); }), "DENIED");
}

TEST_F(Policy, ExecutesTheLinksTargetUnderItsOwnNameWhenThatIsWhatMatches)
{
    agenthost::test::TempDir dir;
    const auto real = std::filesystem::canonical("/bin/sh").string();
    std::filesystem::create_symlink("/bin/sh", dir / "tool");
    run.argv = {(dir / "tool").string(), "status"};
    config.allow = {"/usr/bin/uptime"};
    EXPECT_EQ(code_of([&] { admit(config, user, run); }), "DENIED");
    config.allow = {real + " status"};
    const Admitted what = admit(config, user, run);
    EXPECT_EQ(what.program, real);
    EXPECT_THAT(what.argv, ElementsAre(real, "status")); // not "tool": that name is allowed nowhere
    EXPECT_TRUE(what.resolved);
}

TEST_F(Policy, ExecutesALinkThatIsAllowedUnderItsName)
{
    agenthost::test::TempDir dir;
    std::filesystem::create_symlink("/bin/sh", dir / "tool");
    const std::string link = dir / "tool";
    run.argv = {link, "x"};
    config.allow = {std::filesystem::canonical("/bin/sh").string() + " x", link};
    const Admitted what = admit(config, user, run);
    EXPECT_EQ(what.program, link);
    EXPECT_THAT(what.argv, ElementsAre(link, "x"));
    EXPECT_FALSE(what.resolved);
}

TEST_F(Policy, ShellIsTheUsersOwnUnlessTheConfigurationNamesOne)
{
    config.allow = {"*"};
    user.shell = "/bin/bash";
    ASSERT_TRUE(std::filesystem::exists(user.shell));
    EXPECT_THAT(admit(config, user, run).env, Contains("SHELL=/bin/bash"));
    run.argv.clear();
    run.command = "exec \"$SHELL\" -l";
    EXPECT_THAT(admit(config, user, run).argv,
                ElementsAre("/bin/sh", "-c", run.command)); // strings are POSIX
    config.shell = "/bin/dash";
    EXPECT_THAT(admit(config, user, run).env, Contains("SHELL=/bin/dash"));
    EXPECT_THAT(admit(config, user, run).argv, ElementsAre("/bin/dash", "-c", run.command));
}

TEST_F(Policy, ShellIsShWhereTheUsersOwnLetsNobodyIn)
{
    for (const char* shell :
         {"/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "", "/no/such/shell", "bash"}) {
        user.shell = shell;
        EXPECT_EQ(login_shell(config, user), "/bin/sh") << shell;
    }
}

TEST_F(Policy, TheUsersHomeAndNameAreSet)
{
    config.allow = {"*"};
    run.pty = Size{};
    user.name = "someone";
    user.home = "/home/someone";
    const auto env = admit(config, user, run).env;
    for (const char* variable :
         {"HOME=/home/someone", "USER=someone", "LOGNAME=someone", "TERM=xterm-256color"})
        EXPECT_THAT(env, Contains(variable));
}

TEST_F(Policy, ShellStringsNeedEverythingAllowed)
{
    run.argv.clear();
    run.command = "uname -a; id";
    config.allow = {"/bin/sh", "/bin/dash", "/usr/bin/dash", "/usr/bin/uname", "/bin/uname"};
    EXPECT_EQ(code_of([&] { admit(config, user, run); }), "DENIED");
    config.allow = {"*"};
    EXPECT_THAT(admit(config, user, run).argv, ElementsAre("/bin/sh", "-c", "uname -a; id"));
}

TEST_F(Policy, PlainWordsRunWithoutAShell)
{
    run.argv.clear();
    run.command = "uname -a";
    config.allow = {"/usr/bin/uname -a", "/bin/uname -a"};
    EXPECT_THAT(admit(config, user, run).argv, ElementsAre("uname", "-a"));
    run.command = "uname -r";
    EXPECT_EQ(code_of([&] { admit(config, user, run); }), "DENIED");
}

TEST_F(Policy, AProgramThatIsNotThereIsSaidSo)
{
    config.allow = {"*"};
    run.argv = {"no-such-program"};
    EXPECT_EQ(code_of([&] { admit(config, user, run); }), "FILE_NOT_FOUND");
    run.argv = {"/etc/passwd"}; // there, and no program
    EXPECT_EQ(code_of([&] { admit(config, user, run); }), "FILE_NOT_FOUND");
}

TEST_F(Policy, TheDaemonsEnvironmentStaysWithTheDaemon)
{
    ::setenv("A_SECRET_OF_THE_DAEMON", "x", 1);
    config.allow = {"*"};
    config.environment = {{"SITE", "leeds"}};
    const auto env = admit(config, user, run).env;
    EXPECT_THAT(env, Not(Contains(HasSubstr("A_SECRET_OF_THE_DAEMON"))));
    EXPECT_THAT(env, Contains("SITE=leeds"));
    EXPECT_THAT(env, Contains("USER=" + user.name));
    EXPECT_THAT(env, Not(Contains(HasSubstr("TERM="))));
    run.pty = Size{};
    EXPECT_THAT(admit(config, user, run).env, Contains("TERM=xterm-256color"));
}

TEST_F(Policy, CallersSetOnlyHarmlessVariablesWhenNotEverythingIsAllowed)
{
    config.allow = {"/usr/bin/uname", "/bin/uname"};
    run.env = {{"LC_ALL", "C"}, {"TZ", "UTC"}};
    EXPECT_THAT(admit(config, user, run).env, Contains("LC_ALL=C"));
    for (const char* name : {"LD_PRELOAD", "PATH", "BASH_ENV", "PYTHONPATH"}) {
        run.env = {{name, "/tmp/x"}};
        EXPECT_EQ(code_of([&] { admit(config, user, run); }), "DENIED") << name;
    }
    config.env = {{"APP_*"}};
    run.env = {{"APP_MODE", "x"}};
    EXPECT_THAT(admit(config, user, run).env, Contains("APP_MODE=x"));
    run.env = {{"TZ", "UTC"}};
    EXPECT_EQ(code_of([&] { admit(config, user, run); }), "DENIED");
}

TEST_F(Policy, ARefusalDoesNotRepeatValues)
{
    config.allow = {"/usr/bin/uname", "/bin/uname"};
    run.env = {{"API_TOKEN", "hunter2"}};
    EXPECT_THAT(error_text_of([&] { admit(config, user, run); }), Not(HasSubstr("hunter2")));
}

TEST(Params, ReadEverythingOfADashboardsRequest)
{
    const RunParams run =
        parse_run(R"({"commandId":"c1","agentId":"a","command":"ls -la","priority":"urgent","cwd":"/tmp",
        "env":{"A":"b"},"timeoutMs":1500,"pty":{"cols":100,"rows":30},"requestId":"r"})");
    EXPECT_EQ(run.id, "c1");
    EXPECT_EQ(run.command, "ls -la");
    EXPECT_EQ(run.priority, Priority::urgent);
    EXPECT_EQ(run.cwd, "/tmp");
    EXPECT_EQ(run.env.at("A"), "b");
    EXPECT_EQ(run.timeout, 1500ms);
    ASSERT_TRUE(run.pty);
    EXPECT_EQ(run.pty->columns, 100);
    EXPECT_EQ(run.pty->rows, 30);
}

TEST(Params, TakeNullForAbsent)
{
    const RunParams run = parse_run(
        R"({"command":"x","cwd":null,"env":null,"timeoutMs":null,"pty":null,"priority":null,"stdin":null})");
    EXPECT_FALSE(run.pty);
    EXPECT_FALSE(run.timeout);
    EXPECT_FALSE(run.input);
    EXPECT_EQ(run.priority, Priority::normal);
}

// The host's schema checker takes 3.0 and 3e0 for integers, so they arrive here.
TEST(Params, TakeIntegersHoweverTheyAreWritten)
{
    const RunParams run =
        parse_run(R"({"command":"x","timeoutMs":3e3,"max_output":3e6,"pty":{"cols":1.2e2,"rows":40.0}})");
    EXPECT_EQ(run.timeout, 3s);
    EXPECT_EQ(run.max_output, 3'000'000u);
    ASSERT_TRUE(run.pty);
    EXPECT_EQ(run.pty->columns, 120);
    EXPECT_EQ(run.pty->rows, 40);
    EXPECT_EQ(parse_attach(R"({"commandId":"c","offset":1e2})").offset, 100u);
    EXPECT_EQ(parse_input(R"({"commandId":"c","data":"x","offset":7.0})").offset, 7u);
    EXPECT_EQ(code_of([] { parse_run(R"({"command":"x","timeoutMs":1.5})"); }), "INVALID_REQUEST");
    EXPECT_EQ(code_of([] { parse_run(R"({"command":"x","timeoutMs":1e30})"); }), "INVALID_REQUEST");
}

TEST(Params, DecodeBase64)
{
    EXPECT_EQ(parse_run(R"({"command":"x","stdin":"AAH/","stdin_encoding":"base64"})").input,
              std::string("\0\1\xff", 3));
    EXPECT_EQ(parse_input(R"({"commandId":"c","data":"Aw==","encoding":"base64"})").data, "\x03");
    EXPECT_EQ(parse_input(R"({"commandId":"c","data":"x\n"})").data, "x\n");
}

TEST(Params, RefuseWhatCannotBeRun)
{
    for (const char* text :
         {R"({})", R"({"command":""})", R"({"argv":[]})", R"({"argv":["a"],"command":"b"})",
          R"({"argv":["a",1]})", R"({"argv":[""]})", R"({"argv":["a\u0000b"]})",
          R"({"command":"x","cwd":"tmp"})", R"({"command":"x","env":{"A=B":"c"}})",
          R"({"command":"x","env":{"1A":"c"}})", R"({"command":"x","env":{"A":"b\u0000"}})",
          R"({"command":"x","priority":"asap"})", R"({"command":"x","pty":{"cols":0}})",
          R"({"command":"x","pty":7})", R"({"command":"x","timeout":-1})",
          R"({"command":"x","timeoutMs":-1})", R"([])", "nonsense"})
        EXPECT_EQ(code_of([&] { parse_run(text); }), "INVALID_REQUEST") << text;
    EXPECT_EQ(code_of([&] { parse_interrupt("{}"); }), "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { parse_input(R"({"commandId":"c"})"); }), "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { parse_resize(R"({"commandId":"c","cols":80})"); }), "INVALID_REQUEST");
}

TEST(Configuration, HasSafeDefaults)
{
    const Config config = parse_config("{}");
    EXPECT_TRUE(config.allow.empty());
    EXPECT_EQ(config.queue, 100u);
    EXPECT_EQ(config.concurrency, 4u);
    EXPECT_EQ(config.timeout, 1h);
}

TEST(Configuration, ReadsUnits)
{
    const Config config = parse_config(R"({"timeout":"90s","grace":"250ms","ring":"4MiB","max_output":1000,
        "limits":{"processes":64,"memory":"256MiB","cpu":"2m","open_files":256},"cgroup":"off"})");
    EXPECT_EQ(config.timeout, 90s);
    EXPECT_EQ(config.grace, 250ms);
    EXPECT_EQ(config.ring, 4u << 20);
    EXPECT_EQ(config.max_output, 1000u);
    EXPECT_EQ(config.limits.processes, 64u);
    EXPECT_FALSE(config.limits.processes_by_default);
    EXPECT_EQ(config.limits.memory, 256u << 20);
    EXPECT_EQ(config.limits.cpu_seconds, 120u);
    EXPECT_FALSE(config.cgroup);
}

TEST(Configuration, TakesIntegersHoweverTheyAreWritten)
{
    const Config config = parse_config(R"({"queue":1e2,"concurrency":8.0,"ring":1e6,"timeout":"90s"})");
    EXPECT_EQ(config.queue, 100u);
    EXPECT_EQ(config.concurrency, 8u);
    EXPECT_EQ(config.ring, 1'000'000u);
    EXPECT_EQ(config.timeout, 90s);
}

TEST(Configuration, SaysWhatIsWrongAndHowToSayItRight)
{
    EXPECT_THAT(error_text_of([] { parse_config(R"({"allow":["uptime"]})"); }), HasSubstr("absolute path"));
    EXPECT_THAT(error_text_of([] { parse_config(R"({"allow":["*","/bin/ls"]})"); }),
                HasSubstr("stands alone"));
    EXPECT_THAT(error_text_of([] { parse_config(R"({"ring":"many"})"); }), HasSubstr("1MiB"));
    EXPECT_THAT(error_text_of([] { parse_config(R"({"grace":"60s"})"); }), HasSubstr("14s"));
}

TEST(Users, OursIsFoundAndNeedsNoChange)
{
    const User user = own_user();
    EXPECT_EQ(user.uid, ::geteuid());
    EXPECT_FALSE(user.change);
}

TEST(Users, AStrangerIsRefusedWithWhatToDo)
{
    EXPECT_THAT(error_text_of([] { find_user("no-such-user-here"); }), HasSubstr("useradd"));
    if (::geteuid() != 0) {
        EXPECT_THAT(error_text_of([] { find_user("root"); }), HasSubstr("only root"));
    }
}

} // namespace
