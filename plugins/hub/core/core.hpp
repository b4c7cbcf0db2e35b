// State shared by all parts of the hub: configuration, the daemon, the strand, timers and clocks.
#pragma once

#include "config.hpp"
#include "host.hpp"
#include "log_gate.hpp"
#include "strand.hpp"
#include "timers.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace agenthost::hub {

struct Core {
    Core(Config c, Host& h)
        : config{std::move(c)}, host{h}, strand{[this](const std::exception& e) {
              host.log(AGH_LOG_ERROR, std::string{"hub: an answer was lost: "} + e.what(), {});
          }}
    {}

    const Config config;
    Host& host;
    Strand strand;
    Timers timers;

    // Runs a job on the hub's worker, without the lock; false: its queue is full.
    std::function<bool(std::function<void()>)> blocking;

    bool draining GUARDED = false; // nothing new is started

    // Clocks, replaced by tests.
    std::function<std::int64_t()> utc = [] {
        using namespace std::chrono;
        return std::int64_t{duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
    };
    std::function<Timers::Time()> now = [] { return std::chrono::steady_clock::now(); };

    void log(int level, std::string message, std::string fields = {}) UNDER_LOCK
    {
        strand.post([this, level, m = std::move(message), f = std::move(fields)] { host.log(level, m, f); });
    }
    // Logs events that anyone who reaches the port can cause; rate-limited.
    void log_stranger(std::string message, std::string fields = {}) UNDER_LOCK
    {
        const auto left_out = strangers_.open(now());
        if (!left_out) return;
        if (*left_out > 0) message += " (" + std::to_string(*left_out) + " such lines were suppressed)";
        log(AGH_LOG_WARN, std::move(message), std::move(fields));
    }
    // Timers, relative to now.
    Timers::Id after(Timers::Time::duration time, std::function<void()> what) UNDER_LOCK
    {
        return timers.at(now() + time, std::move(what));
    }

    // Sends frames and closes after the lock is released.
    void send(Conn conn, std::string frame) UNDER_LOCK
    {
        strand.post([this, conn, f = std::move(frame)] { host.send(conn, f); });
    }
    void close(Conn conn, int code, std::string reason) UNDER_LOCK
    {
        strand.post([this, conn, code, r = std::move(reason)] { host.close(conn, code, r); });
    }

private:
    LogGate strangers_ GUARDED;
};

} // namespace agenthost::hub
