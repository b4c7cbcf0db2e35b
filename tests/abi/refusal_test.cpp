// Libraries that are refused before any of their code that matters runs: one sentence with file, version,
// reason and remedy.
#include "host_double.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include <sys/stat.h>

using namespace agenthost;
using namespace agenthost::test;
namespace fs = std::filesystem;

extern "C" int agenthost_abi_layout_is_pinned(void);

namespace {

// Twice: by `plugin check`, and by starting it. Both say the same.
std::string refusal(const std::string& id)
{
    Bench bench{id, false};
    const std::string started = bench.start();
    EXPECT_EQ(bench.plugin->status().state, host::PluginState::failed);
    EXPECT_EQ(bench.plugin->status().problem, started);
    EXPECT_EQ(bench.invoke(1, "run"), AGH_E_BUSY); // not started, and says why
    EXPECT_EQ(bench.stop(), "");
    for (const auto& found : host::find_plugins({ABI_PLUGIN_DIR}))
        if (found.id == id) {
            EXPECT_EQ(host::check_library(found), std::vector<std::string>{started});
        }
    return started;
}

TEST(Refusal, PinsTheLayoutInC) { EXPECT_EQ(agenthost_abi_layout_is_pinned(), 1); }

TEST(Refusal, NamesTheRequiredVersion)
{
    EXPECT_EQ(refusal("newer_minor"), "plugin newer_minor.so refused: needs ABI 1.3, this host offers 1.0. "
                                      "Upgrade agenthost to one that offers 1.3 or "
                                      "later, or install newer_minor for ABI 1.0.");
    EXPECT_EQ(refusal("wrong_major"), "plugin wrong_major.so refused: is built for ABI 2.0, this host offers "
                                      "1.0. Install wrong_major for ABI 1, or an "
                                      "agenthost that offers ABI 2.");
    EXPECT_EQ(refusal("newer_symbol"), "plugin newer_symbol.so refused: is built for ABI major 2, this host "
                                       "offers 1.0. Install newer_symbol for ABI 1, or "
                                       "a newer agenthost.");
}

TEST(Refusal, ReportsAnInvalidEntry)
{
    EXPECT_EQ(refusal("no_symbol"), "plugin no_symbol.so refused: has no symbol agh_plugin_entry_v1. It is "
                                    "not an agenthost plugin, or AGENTHOST_PLUGIN(Class) is "
                                    "missing in its source.");
    EXPECT_EQ(refusal("short_entry"), "plugin short_entry.so refused: its entry is 16 bytes, ABI 1.0 has 40. "
                                      "Rebuild it against the agenthost SDK.");
    EXPECT_EQ(
        refusal("no_create"),
        "plugin no_create.so refused: its entry has no create(). Rebuild it against the agenthost SDK.");
}

TEST(Refusal, RefusesAManifestFileThatDiffersFromTheLibrarys)
{
    EXPECT_EQ(refusal("liar"), "plugin liar.so refused: the manifest inside the library differs from "
                               "liar.manifest.json beside it. Install both from the same "
                               "package.");
}

// An exception from a library's constructor cannot cross dlopen(): it ends the process that maps it. In a
// runner that is the runner.
TEST(Refusal, SurvivesALibraryThatThrowsWhileItIsLoadedInARunner)
{
    if (!has_runner()) GTEST_SKIP() << "no runner in this build";
    Bench bench{"throws_when_loaded", true};
    EXPECT_NE(bench.start(), "");
    EXPECT_EQ(bench.plugin->status().state, host::PluginState::failed);
}

TEST(Refusal, RequiresAManifest)
{
    Bench bench{"ghost", false};
    EXPECT_EQ(bench.start(),
              std::string{ABI_PLUGIN_DIR} + "/ghost.manifest.json: does not exist. Install it.");
}

class RefusalOfFiles : public testing::Test {
protected:
    void SetUp() override
    {
        ::chmod(dir_.path().c_str(), 0755);
        fs::copy_file(fs::path{ABI_PLUGIN_DIR} / "plain.so", dir_ / "plain.so");
        fs::copy_file(fs::path{ABI_PLUGIN_DIR} / "plain.manifest.json", dir_ / "plain.manifest.json");
        ::chmod((dir_ / "plain.so").c_str(), 0755);
        ::chmod((dir_ / "plain.manifest.json").c_str(), 0644);
    }
    std::string start()
    {
        Bench bench{"plain", false, {}, dir_.path().string()};
        const std::string problem = bench.start();
        EXPECT_EQ(bench.stop(), "");
        return problem;
    }
    TempDir dir_;
};

TEST_F(RefusalOfFiles, LoadsFilesThatOnlyTheOwnerCanWrite) { EXPECT_EQ(start(), ""); }

TEST_F(RefusalOfFiles, RefusesAWorldWritableLibrary)
{
    ::chmod((dir_ / "plain.so").c_str(), 0757);
    EXPECT_EQ(start(), "plugin plain.so refused: " + (dir_ / "plain.so").string() +
                           ": writable by everyone. Run: chmod o-w " + (dir_ / "plain.so").string());
}

TEST_F(RefusalOfFiles, RefusesAWorldWritableManifest)
{
    ::chmod((dir_ / "plain.manifest.json").c_str(), 0666);
    EXPECT_NE(start().find("plain.manifest.json: writable by everyone"), std::string::npos);
}

TEST_F(RefusalOfFiles, RefusesAFileThatIsNotALibrary)
{
    write_file(dir_ / "plain.so", "not an ELF file", 0755);
    const std::string problem = start();
    EXPECT_EQ(problem.substr(0, 26), "plugin plain.so refused: /") << problem;
    EXPECT_NE(problem.find("Install what it needs, or a build for this system."), std::string::npos)
        << problem;
}

// dlopen() of a path that is loaded gives what is loaded, whatever lies there now.
TEST_F(RefusalOfFiles, RefusesALibraryReplacedSinceItWasLoaded)
{
    EXPECT_EQ(start(), "");
    EXPECT_EQ(start(), "") << "the same file again";
    fs::copy_file(dir_ / "plain.so", dir_ / "new.so");
    fs::rename(dir_ / "new.so", dir_ / "plain.so");
    const std::string problem = start();
    EXPECT_NE(problem.find("has been replaced since this process loaded it"), std::string::npos) << problem;
    EXPECT_NE(problem.find("Restart agenthost"), std::string::npos) << problem;
}

// A plugin without configure() needs a new instance for a new configuration, and a replaced library gives
// none.
TEST_F(RefusalOfFiles, KeepsAPluginRunningWhenItsReplacedLibraryCannotTakeANewConfiguration)
{
    fs::copy_file(fs::path{ABI_PLUGIN_DIR} / "hostile.so", dir_ / "hostile.so");
    fs::copy_file(fs::path{ABI_PLUGIN_DIR} / "hostile.manifest.json", dir_ / "hostile.manifest.json");
    ::chmod((dir_ / "hostile.so").c_str(), 0755);
    ::chmod((dir_ / "hostile.manifest.json").c_str(), 0644);
    Bench bench{"hostile", false, "least", dir_.path().string()};
    ASSERT_EQ(bench.start(), "");
    fs::copy_file(dir_ / "hostile.so", dir_ / "new.so");
    fs::rename(dir_ / "new.so", dir_ / "hostile.so");
    const std::string problem = bench.configure("least");
    EXPECT_NE(problem.find("has been replaced since this process loaded it"), std::string::npos) << problem;
    EXPECT_EQ(bench.plugin->status().state, host::PluginState::running);
    EXPECT_EQ(bench.stop(), "");
}

TEST_F(RefusalOfFiles, DetectsAReplacedFileByItsIdentity)
{
    const auto identity = [&] {
        const auto found = host::find_plugins({dir_.path().string()});
        return found.empty() ? std::string{} : found[0].identity;
    };
    const std::string first = identity();
    EXPECT_EQ(identity(), first);
    fs::copy_file(dir_ / "plain.so", dir_ / "new.so");
    fs::rename(dir_ / "new.so", dir_ / "plain.so");
    const std::string second = identity();
    EXPECT_NE(second, first);
    fs::rename(dir_ / "plain.manifest.json", dir_ / "old");
    fs::copy_file(dir_ / "old", dir_ / "plain.manifest.json");
    EXPECT_NE(identity(), second) << "the manifest counts too";
}

TEST_F(RefusalOfFiles, ReportsAMissingLibrary)
{
    fs::remove(dir_ / "plain.so");
    EXPECT_NE(start().find("plain.so: does not exist. Install it."), std::string::npos);
}

TEST_F(RefusalOfFiles, ChecksTheConfigurationBeforeAnyCodeOfThePluginRuns)
{
    Bench bench{"hostile", false};
    std::string problem = "nothing";
    bench.plugin->configure(R"({"mod":"x"})", [&](std::string why) { problem = std::move(why); });
    ASSERT_TRUE(bench.until([&] { return problem != "nothing"; }));
    EXPECT_EQ(problem, "agenthost.yaml:3:5: plugins.hostile.config.mod: unknown key; did you mean \"mode\"?");
}

} // namespace
