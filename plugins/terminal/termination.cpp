#include "termination.hpp"

namespace agenthost::terminal {

void Termination::set_timeout(Clock::duration timeout)
{
    loop_.cancel(timeout_timer_);
    if (timeout.count() == 0) return;
    timeout_timer_ = loop_.after(timeout, [this] {
        timeout_timer_ = 0;
        ask(Reason::timeout, false);
    });
}

void Termination::ask(Reason reason, bool force) { step(ending_.ask(reason, force)); }

void Termination::stop()
{
    loop_.cancel(timeout_timer_);
    loop_.cancel(grace_timer_);
}

void Termination::step(Ending::Step step_now)
{
    loop_.cancel(grace_timer_);
    if (step_now == Ending::Step::none) return;
    act_(step_now);
    if (!ending_.more()) return;
    grace_timer_ = loop_.after(grace_, [this] {
        grace_timer_ = 0;
        step(ending_.grace_over());
    });
}

} // namespace agenthost::terminal
