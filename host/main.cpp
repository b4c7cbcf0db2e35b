// agenthost: `run` is the daemon, every other verb is the CLI's own.
#include "host/app/runtime.hpp"
#include "host/cli/cli.hpp"

int main(int argc, char** argv)
{
    using namespace agenthost::host;
    const CliHooks hooks{.run = [](LoadRequest request, RunOptions options) {
        return Runtime{std::move(request),
                       {.plugin_path = std::move(options.plugin_path), .runner = std::move(options.runner)}}
            .run();
    }};
    return cli_main(argc, argv, hooks);
}
