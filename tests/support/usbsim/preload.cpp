// Restarts a test program once with umockdev's library loaded first, so that it runs from ctest, by hand
// and in a debugger.
#include "client.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <unistd.h>

namespace {

// glibc gives a constructor the arguments of main().
[[gnu::constructor]] void restart_with_preload(int, char** argv, char**)
{
    const char* preload = std::getenv("LD_PRELOAD");
    if (preload && std::strstr(preload, "umockdev")) return;
    ::setenv("LD_PRELOAD", agenthost::test::usb_preload().c_str(), 1);
    ::execv("/proc/self/exe", argv);
    std::perror("execv");
    std::_Exit(1);
}

} // namespace
