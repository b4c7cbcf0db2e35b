// Posts calls to the printer loop from any thread, until the Bus closes the gate: a worker may return after
// the loop is destroyed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <mutex>
#include <utility>

namespace agenthost::printer::usb {

class LoopGate {
public:
    explicit LoopGate(boost::asio::io_context& io) : io_{&io} {}

    // Drops the call if the gate is closed.
    template <class Call> void post(Call&& call)
    {
        const std::scoped_lock lock{mutex_};
        if (io_) boost::asio::post(*io_, std::forward<Call>(call));
    }
    // Calls that were posted before still run, if the loop does.
    void close()
    {
        const std::scoped_lock lock{mutex_};
        io_ = nullptr;
    }

private:
    std::mutex mutex_;
    boost::asio::io_context* io_;
};

} // namespace agenthost::printer::usb
