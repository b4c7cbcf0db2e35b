#include "control.hpp"

#include "error.hpp"

namespace agenthost::docker::files {

namespace {

constexpr std::chrono::milliseconds report_interval{250};

} // namespace

void Control::check()
{
    if (cancel_ != nullptr && cancel_->is_set())
        fail("CANCELLED", "the operation was cancelled. Send the command again if it is still wanted.");
}

void Control::entry()
{
    check();
    ++progress_.entries;
    tell();
}

void Control::bytes(std::uint64_t count)
{
    check();
    progress_.bytes += count;
    tell();
}

void Control::tell()
{
    if (!report_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < report_interval) return;
    told_ = now;
    report_(progress_);
}

} // namespace agenthost::docker::files
