// echo.cpp: all of a plugin.
#include <agenthost/plugin.hpp>

class Echo : public agenthost::Plugin {
public:
    explicit Echo(agenthost::Context& ctx)
    {
        ctx.on("echo.say", [](agenthost::Request request) { request.reply(request.params()); });
    }
};
AGENTHOST_PLUGIN(Echo)
