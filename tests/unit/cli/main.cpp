// This program is its own agenthost: with AGENTHOST_TEST_CLI in the environment it is the command, without
// the daemon.
#include "host/cli/cli.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv)
{
    if (std::getenv("AGENTHOST_TEST_CLI")) {
        return agenthost::host::cli_main(
            argc, argv, {.run = [](agenthost::host::LoadRequest load, agenthost::host::RunOptions options) {
                std::printf("run %s", load.file.c_str());
                for (const auto& [key, value] : load.overrides)
                    std::printf(" %s=%s", key.c_str(), value.c_str());
                std::printf(" runner=%s\n", options.runner.c_str());
                return 7;
            }});
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
