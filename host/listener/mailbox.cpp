#include "mailbox.hpp"

#include <boost/asio/post.hpp>

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
    while (!batch.empty()) {
        --waiting_;
        const Work work = std::move(batch.front());
        batch.pop_front();
        try {
            work();
        } catch (...) {
            const std::scoped_lock lock{mutex_};
            work_.splice(work_.begin(), batch);
            throw;
        }
    }
    const std::scoped_lock lock{mutex_};
    called_for_ = !work_.empty();
    return called_for_;
}

void Mailbox::clear()
{
    // Destroyed after the lock is released: destructors of work may call anything.
    std::list<Work> dropped;
    const std::scoped_lock lock{mutex_};
    waiting_ -= work_.size();
    dropped.swap(work_);
    called_for_ = false;
}

namespace {

// Holds the mailbox until the loop calls. If the loop ends without calling, the work must go: it may hold the
// mailbox, too.
class Delivery {
public:
    Delivery(boost::asio::io_context& io, std::shared_ptr<Mailbox> mailbox)
        : io_{&io}, mailbox_{std::move(mailbox)}
    {}
    Delivery(Delivery&&) noexcept = default;
    ~Delivery()
    {
        if (mailbox_) mailbox_->clear();
    }

    void operator()()
    {
        const auto mailbox = std::exchange(mailbox_, nullptr);
        try {
            if (mailbox->deliver()) deliver_on(*io_, mailbox);
        } catch (...) {
            deliver_on(*io_, mailbox);
            throw;
        }
    }

private:
    boost::asio::io_context* io_;
    std::shared_ptr<Mailbox> mailbox_;
};

} // namespace

void deliver_on(boost::asio::io_context& io, std::shared_ptr<Mailbox> mailbox)
{
    boost::asio::post(io, Delivery{io, std::move(mailbox)});
}

} // namespace agenthost::host::listener
