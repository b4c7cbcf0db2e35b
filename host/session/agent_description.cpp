#include "agent_description.hpp"

#include <sys/utsname.h>

namespace agenthost::host {

AgentDescription AgentDescription::of_this_machine()
{
    AgentDescription agent;
    utsname system{};
    if (::uname(&system) == 0) {
        agent.host_name = system.nodename;
        agent.arch = system.machine;
    }
    return agent;
}

wire::Hello AgentDescription::hello(std::string_view version) const
{
    wire::Hello hello;
    hello.agent_id = id;
    hello.credential = credential;
    hello.name = host_name;
    hello.version = version;
    hello.platform = "linux";
    hello.capabilities = capabilities;
    hello.arch = arch;
    return hello;
}

} // namespace agenthost::host
