// agenthost-runner: runs one plugin in its own process. Started by agenthost with a socket as descriptor 3;
// useless by hand.
#include "check.hpp"
#include "runner.hpp"
#include "spawn.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <csignal>
#include <cstdio>
#include <string_view>

int main(int argc, char** argv)
{
    using namespace agenthost::host::runner;
    if (argc >= 4 && std::string_view{argv[1]} == "--check") return check_main(argc, argv);
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(runner_socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) {
        std::fputs("agenthost-runner: started by agenthost to run a plugin with `isolation: process`\n",
                   stderr);
        return 2;
    }
    ::fcntl(runner_socket, F_SETFD, FD_CLOEXEC);
    // Die with the host, whatever the plugin is doing. If the host has already died, reading the socket
    // returns end of file.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Stopping the service signals all its processes, but the host decides when this one ends. Handlers
    // instead of SIG_IGN, because child processes inherit SIG_IGN.
    struct sigaction nothing {};
    nothing.sa_handler = [](int) {};
    nothing.sa_flags = SA_RESTART;
    for (const int sig : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ}) ::sigaction(sig, &nothing, nullptr);
    try {
        Runner{agenthost::base::Fd{runner_socket}}.run();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "agenthost-runner: %s\n", e.what());
        return 1;
    }
}
