#include "strand.hpp"

#include <utility>

namespace agenthost::hub {

HUB_LOCK_UNCHECKED void Strand::run(WorkRef work)
{
    std::unique_lock lock{mutex_};
    work();
    if (leaving_) leaving_();
    if (carrying_out_) return;
    carrying_out_ = true;
    while (!outbox_.empty()) {
        auto batch = std::exchange(outbox_, {});
        lock.unlock();
        for (const Work& effect : batch) carry_out(effect);
        batch.clear();
        lock.lock();
    }
    carrying_out_ = false;
}

void Strand::carry_out(const Work& effect)
{
    try {
        effect();
    } catch (const std::exception& e) { // mostly out of memory; the remaining effects still run
        failed_(e);
    }
}

} // namespace agenthost::hub
