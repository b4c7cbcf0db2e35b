// Detects blocked I/O loops: a timer on each loop refreshes its stamp every second, and other threads read
// it. Created on the main thread before the loops run; destroyed after they have ended. stalled() is
// thread-safe.
#pragma once

#include "host/observe/loop_stamp.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::host {

class LoopWatch {
public:
    explicit LoopWatch(const std::vector<boost::asio::io_context*>& loops)
    {
        for (auto* loop : loops) watched_.push_back(std::make_unique<Watched>(*loop));
        for (const auto& one : watched_) one->beat();
    }

    // How long the most delayed loop has been blocked, if too long.
    [[nodiscard]] std::optional<LoopStamp::Clock::duration> stalled() const
    {
        const auto worst = age();
        return worst > LoopStamp::stale ? std::optional{worst} : std::nullopt;
    }
    [[nodiscard]] LoopStamp::Clock::duration age() const
    {
        LoopStamp::Clock::duration worst{0};
        for (const auto& one : watched_) worst = std::max(worst, one->stamp.age());
        return worst;
    }

private:
    struct Watched {
        explicit Watched(boost::asio::io_context& loop) : timer{loop} {}
        void beat()
        {
            stamp.stamp();
            timer.expires_after(LoopStamp::every);
            timer.async_wait([this](const auto& error) {
                if (!error) beat();
            });
        }
        LoopStamp stamp;
        boost::asio::steady_timer timer;
    };
    std::vector<std::unique_ptr<Watched>> watched_;
};

// "12.3 s"
inline std::string seconds_text(LoopStamp::Clock::duration age)
{
    const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(age).count() / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

} // namespace agenthost::host
