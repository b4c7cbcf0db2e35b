// What a thread of this process is doing, so that a test can wait until it waits.
#pragma once

#include "support.hpp"

#include <sys/types.h>

#include <string>

namespace agenthost::test {

// 'R' runs, 'S' sleeps; 0: there is no such thread.
inline char thread_state(pid_t thread)
{
    const std::string stat = read_file("/proc/self/task/" + std::to_string(thread) + "/stat");
    const auto name_end = stat.rfind(')');
    return name_end == std::string::npos || name_end + 2 >= stat.size() ? '\0' : stat[name_end + 2];
}

} // namespace agenthost::test
