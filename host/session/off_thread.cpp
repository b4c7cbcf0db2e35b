#include "off_thread.hpp"

#include <csignal>

namespace agenthost::host {

std::atomic<int>& OffThread::running()
{
    static std::atomic<int> count{0};
    return count;
}

void OffThread::block_signals()
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

} // namespace agenthost::host
