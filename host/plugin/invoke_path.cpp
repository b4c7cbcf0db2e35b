#include "invoke_path.hpp"

#include "life.hpp"

namespace agenthost::host {

void InvokePath::begin(Life& life, const Manifest& manifest, bool isolated)
{
    timed_ = manifest.run == Manifest::Run::inline_ && !isolated;
    by_workers_ = !isolated && (manifest.run == Manifest::Run::worker || demoted_);
    if (timed_ && demoted_) demoted_ = by_workers_ = life.run().use_workers();
}

agh_status InvokePath::invoke(Life& life, const agh_request& request, agh_error& error)
{
    ++invoked_;
    if (by_workers_) return life.queue(request, error);
    if (!timed_) return life.invoke(request, error);
    const std::int64_t began = Overruns::coarse_ns();
    const agh_status status = life.invoke(request, error);
    if (Overruns::too_long(Overruns::coarse_ns() - began)) overran(life);
    return status;
}

void InvokePath::overran(Life& life)
{
    if (!overruns_.add(Overruns::Clock::now()) || demoted_) return;
    if (!life.run().use_workers()) return; // tried again at the next overrun
    demoted_ = by_workers_ = true;
    on_demoted_();
}

} // namespace agenthost::host
