#include "mailbox.hpp"

#include <utility>

namespace agenthost::host::listener {

bool Mailbox::put(Work work)
{
    const std::scoped_lock lock{mutex_};
    work_.push_back(std::move(work));
    ++waiting_;
    return !std::exchange(called_for_, true);
}

bool Mailbox::deliver()
{
    std::list<Work> batch;
    {
        const std::scoped_lock lock{mutex_};
        batch.swap(work_);
    }
    for (; !batch.empty(); batch.pop_front()) {
        --waiting_;
        batch.front()();
    }
    const std::scoped_lock lock{mutex_};
    called_for_ = !work_.empty();
    return called_for_;
}

void Mailbox::clear()
{
    std::list<Work> dropped; // its destructors may call anything: not under the lock
    const std::scoped_lock lock{mutex_};
    waiting_ -= work_.size();
    dropped.swap(work_);
    called_for_ = false;
}

} // namespace agenthost::host::listener
