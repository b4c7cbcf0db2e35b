// Posts work from any thread to the main I/O thread, until shut: afterwards a thread that outlives the host
// (a hanging plugin) posts into nothing instead of a destroyed io_context.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace agenthost::host {

class MainThread {
public:
    explicit MainThread(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}

    void post(std::function<void()> what) // [any]
    {
        const std::lock_guard lock{mutex_};
        if (open_) boost::asio::post(executor_, std::move(what));
    }
    void shut() // main thread
    {
        const std::lock_guard lock{mutex_};
        open_ = false;
    }
    [[nodiscard]] const boost::asio::any_io_executor& executor() const
    {
        return executor_;
    } // main thread only

private:
    std::mutex mutex_;
    bool open_ = true;
    boost::asio::any_io_executor executor_;
};

} // namespace agenthost::host
