// Promises pure computation and then holds up the I/O thread until a file is there: what /healthz must
// notice.
#include <agenthost/plugin.hpp>

#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

namespace {

class Blocker : public agenthost::Plugin {
public:
    explicit Blocker(agenthost::Context& context)
    {
        const std::string file = std::string{context.state_directory()} + "/go-on";
        context.on("blocker.block", [file](agenthost::Request request) {
            while (::access(file.c_str(), F_OK) != 0)
                std::this_thread::sleep_for(std::chrono::milliseconds{5});
            request.reply("{}");
        });
    }
};

} // namespace

AGENTHOST_PLUGIN(Blocker)
