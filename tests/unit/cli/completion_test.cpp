// The completion script in a real bash, asking this very command.
#include "fixture.hpp"

using namespace agenthost::host::test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

struct Completion : Command {
    void SetUp() override
    {
        Command::SetUp();
        std::filesystem::create_symlink(self(), dir / "agenthost");
        write_file(
            plugins / "echo.manifest.json",
            R"({"id":"echo","version":"1.0.0","license":"MIT","actions":[{"name":"echo.say","summary":"x"}]})",
            0644);
        write_file(plugins / "agenthost-greet", "#!/bin/sh\n", 0755);
    }
    // What is offered for a line whose last word is being typed.
    std::string offered(const std::string& line)
    {
        const std::string script = "source " + agenthost::test::source_dir().string() +
                                   "/packaging/completion/agenthost.bash\n"
                                   "source " +
                                   agenthost::test::source_dir().string() +
                                   "/plugins/hub/agenthost-hub.bash\n"
                                   "source " +
                                   agenthost::test::source_dir().string() +
                                   "/plugins/printer/agenthost-print.bash\n"
                                   "compopt() { :; }\n"
                                   "COMP_WORDS=(" +
                                   line +
                                   "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                                   "_agenthost\necho \"${COMPREPLY[@]}\"\n";
        const Ran ran = agenthost::test::run({"bash", "-c", script},
                                             environment({{"PATH", dir.path().string() + ":/usr/bin:/bin"},
                                                          {"AGENTHOST_CONTROL", socket.string()},
                                                          {"AGENTHOST_CONFIG", config.string()}}));
        EXPECT_EQ(ran.err, "");
        return " " + ran.out.substr(0, ran.out.find('\n')) + " ";
    }
};

TEST_F(Completion, OffersVerbs)
{
    EXPECT_THAT(offered("agenthost ''"), AllOf(HasSubstr(" run "), HasSubstr(" status "),
                                               HasSubstr(" doctor "), HasSubstr(" greet ")));
    EXPECT_EQ(offered("agenthost re"), " reload reconnect register ");
    EXPECT_EQ(offered("agenthost --json -o log.level=debug config s"), " show schema ");
    EXPECT_EQ(offered("agenthost call --ti"), " --timeout ");
    EXPECT_EQ(offered("agenthost -o log.l"), " log.level= ");
}

TEST_F(Completion, OffersNamesOfTheInstallation)
{
    EXPECT_EQ(offered("agenthost plugin info ''"), " echo ");
    EXPECT_EQ(offered("agenthost call ec"), " echo.say ");
    const FakeDaemon daemon{socket, [](const std::string&) {
                                return FakeDaemon::json(200,
                                                        R"({"servers":[{"name":"files"},{"name":"desk"}]})");
                            }};
    EXPECT_EQ(offered("agenthost reconnect ''"), " files desk ");
}

TEST_F(Completion, DelegatesToThePluginsVerb)
{
    write_file(plugins / "agenthost-hub",
               "#!/bin/sh\n[ $1 = runs ] && printf 'req_1\\tweb1\\n' && exit\n"
               "printf 'web1\\tonline\\nweb2\\toffline\\n'\n",
               0755);
    EXPECT_EQ(offered("agenthost hub ''"), " exec shell attach runs server agent token ");
    EXPECT_EQ(offered("agenthost hub exec ''"), " web1 web2 ");
    EXPECT_EQ(offered("agenthost hub exec --priority high w"), " web1 web2 ");
    EXPECT_EQ(offered("agenthost hub exec web1 --ru"), " --run-as ");
    EXPECT_EQ(offered("agenthost hub attach ''"), " req_1 ");
    EXPECT_EQ(offered("agenthost hub exec web1 -- ''"), "  ");
    EXPECT_EQ(offered("agenthost greet ''"), "  "); // has no completion of its own
}

TEST_F(Completion, KnowsThePrintersVerbs)
{
    write_file(plugins / "agenthost-print", "#!/bin/sh\n", 0755);
    EXPECT_EQ(offered("agenthost print ''"), " render ");
    EXPECT_EQ(offered("agenthost print render --wi"), " --width ");
    EXPECT_EQ(offered("agenthost print render --charset B"), " BIG5 ");
}

} // namespace
