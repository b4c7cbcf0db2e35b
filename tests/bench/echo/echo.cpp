// The plugin of the dispatch bench: hands its params back. `echo.say` has no effects, `echo.write` is
// journalled.
#include <agenthost/plugin.hpp>

class Echo : public agenthost::Plugin {
public:
    explicit Echo(agenthost::Context& ctx)
    {
        ctx.on("echo.say", [](agenthost::Request request) { request.reply(request.params()); });
        ctx.on("echo.write", [](agenthost::Request request) { request.reply(request.params()); });
    }
};
AGENTHOST_PLUGIN(Echo)
