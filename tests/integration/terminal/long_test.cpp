// Much of everything: output through both kinds, many commands. AGENTHOST_PROOF=1: a gigabyte, a thousand;
// else an eighth, a fifth.
#include "rig.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace agenthost::test;
using namespace std::chrono_literals;

namespace {

const bool proof = std::getenv("AGENTHOST_PROOF") != nullptr;
const std::uint64_t much = proof ? 1 << 30 : 1 << 27;
const int many = proof ? 1000 : 200;

std::uint64_t memory_kib()
{
    const std::string status = read_file("/proc/self/status");
    return std::stoull(status.substr(status.find("VmHWM:") + 6));
}
std::size_t open_files()
{
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {}));
}

TEST(TerminalProof, CountsLargeOutputExactlyWithoutKeepingIt)
{
    for (const bool pty : {false, true}) {
        SCOPED_TRACE(pty);
        Rig rig{{{"wait", "60s"}}};
        rig.tap.keep = false;
        rig.sh("echo warm");
        const auto before = memory_kib(), start = rig.tap.total;
        const auto ran =
            rig.sh(std::string{pty ? "stty raw; " : ""} + "head -c " + std::to_string(much) + " /dev/zero",
                   {{"pty", pty}, {"timeoutMs", 1'200'000}});
        EXPECT_EQ(ran.exit_code(), 0);
        EXPECT_EQ(ran.data.at("bytes").get<std::uint64_t>(), much);
        EXPECT_EQ(ran.data.at("dropped"), 0);
        EXPECT_EQ(rig.tap.total - start, much);
        EXPECT_FALSE(rig.tap.disorder);
        if (!sanitized) {
            EXPECT_LT(memory_kib(), before + 8192);
        }
    }
}

TEST(TerminalProof, ManyCommandsLeaveNothingBehind)
{
    Rig rig{{{"keep", 4}}};
    const auto round = [&](int i) {
        switch (i % 5) {
        case 0: return rig.sh("seq 1 50000").exit_code() == 0;
        case 1: return rig.sh("sleep 100 & setsid sleep 100 & exit 3").exit_code() == 3;
        case 2: return rig.sh("tty", {{"pty", true}}).exit_code() == 0;
        case 3: return rig.run({{"argv", {"no-such"}}}).reason() == "FILE_NOT_FOUND";
        default: return rig.sh("kill -9 $$").reason() == "signal";
        }
    };
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(round(i)) << i;
    const auto files = open_files();
    for (int i = 0; i < many; ++i) ASSERT_TRUE(round(i)) << i;
    EXPECT_TRUE(wait_for([&] { return open_files() <= files; })) << open_files() << " after " << files;
}

} // namespace
