#include "strand.hpp"

#include <utility>

namespace agenthost::hub {

namespace {

struct UnknownException : std::exception {
    [[nodiscard]] const char* what() const noexcept override { return "unknown exception"; }
};

} // namespace

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

// Mostly out of memory. The remaining effects still run, whatever is thrown.
void Strand::carry_out(const Work& effect) noexcept
{
    try {
        effect();
    } catch (const std::exception& e) {
        report(e);
    } catch (...) {
        report(UnknownException{});
    }
}

void Strand::report(const std::exception& e) noexcept
{
    try {
        failed_(e);
    } catch (...) {
        // There is no other place to report it to. Escaping from here would leave `carrying_out_` set, and no
        // effect would ever run again.
    }
}

} // namespace agenthost::hub
