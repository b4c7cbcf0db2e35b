// Waits until a plugin has drained, or for its grace, whichever comes first. Main I/O thread.
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

    // `next` is called once: by finish(), or after the grace, then with `late` before it.
    void begin(milliseconds grace, std::function<void()> late, std::function<void()> next)
    {
        late_ = std::move(late);
        next_ = std::move(next);
        arm(grace);
    }
    // Whoever asks later may have less time: the end of the daemon, while a reload stops it.
    void shorten(milliseconds grace)
    {
        if (next_ && Clock::now() + grace < ends_) arm(grace);
    }
    [[nodiscard]] bool waits() const { return next_ != nullptr; }
    // It has drained, or nothing is left that could. False: nobody waits.
    bool finish()
    {
        if (!next_) return false;
        timer_.cancel();
        std::exchange(next_, nullptr)();
        return true;
    }
    // drain() has been asked for and has not returned.
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
    // Its weak copies tell callbacks whether this is still here.
    std::shared_ptr<int> here_ = std::make_shared<int>(0);
};

} // namespace agenthost::host
