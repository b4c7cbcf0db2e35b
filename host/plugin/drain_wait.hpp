// Waits until a plugin has drained, at most for the grace period. Main I/O thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace agenthost::host {

class DrainWait {
public:
    using Clock = std::chrono::steady_clock;
    using milliseconds = std::chrono::milliseconds;

    explicit DrainWait(const boost::asio::any_io_executor& main) : timer_{main} {}

    // Calls `next` once: from finish(), or at the end of the grace period after `late`.
    void begin(milliseconds grace, std::function<void()> late, std::function<void()> next)
    {
        late_ = std::move(late);
        next_ = std::move(next);
        arm(grace);
    }
    // A later caller may have less time, as when the daemon shuts down while a reload stops the plugin.
    void shorten(milliseconds grace)
    {
        if (next_ && Clock::now() + grace < ends_) arm(grace);
    }
    [[nodiscard]] bool waits() const { return next_ != nullptr; }
    // It has drained, or is gone. Returns false if begin() is not waiting.
    bool finish()
    {
        if (!next_) return false;
        timer_.cancel();
        std::exchange(next_, nullptr)();
        return true;
    }
    // Whether drain() has been called and has not returned.
    void set_asked(bool asked) { asked_ = asked; }
    [[nodiscard]] bool asked() const { return asked_; }

private:
    void arm(milliseconds grace)
    {
        ends_ = Clock::now() + grace;
        timer_.expires_after(grace);
        timer_.async_wait([this, here = std::weak_ptr{here_}](const boost::system::error_code& error) {
            if (error || !here.lock() || !next_ || Clock::now() < ends_) return;
            if (late_) late_();
            finish();
        });
    }

    std::function<void()> late_, next_;
    boost::asio::steady_timer timer_;
    Clock::time_point ends_{};
    bool asked_ = false;
    // Weak copies tell callbacks whether this object still exists.
    std::shared_ptr<int> here_ = std::make_shared<int>(0);
};

} // namespace agenthost::host
