// Owns the daemon's event loops and their threads: the main one, more for connections, and the control
// socket's.
//
// The control socket, `metrics.bind` and the signals have a loop and a thread of their own, so that they work
// even if a plugin blocks the others. Constructed and used by the main thread.
#pragma once

#include "loop_watch.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace agenthost::host {

class Loops {
public:
    using Context = boost::asio::io_context;

    Loops() = default;
    ~Loops() { end(); }
    Loops(const Loops&) = delete;
    Loops& operator=(const Loops&) = delete;

    [[nodiscard]] Context& main() { return main_; }
    [[nodiscard]] Context& control() { return control_; }
    // The loops that connections are distributed to; the main one is the first.
    [[nodiscard]] std::vector<Context*> connections();
    // The connections' loops; after start().
    [[nodiscard]] const LoopWatch& watch() const { return *watch_; }

    // The number of threads for connections, including the main one.
    void start(std::uint32_t io_threads);
    void start_control();
    // Ends the main loop after this long; `late` is called just before.
    void leave_after(std::chrono::milliseconds, std::function<void()> late);
    // Stops all loops but the main one, which the caller runs, and joins their threads.
    void end();

private:
    using Work = boost::asio::executor_work_guard<Context::executor_type>;

    Context main_{1};
    std::vector<std::unique_ptr<Context>> more_;
    std::vector<Work> more_work_;
    std::vector<std::thread> more_threads_;
    Context control_{1};
    std::optional<Work> control_work_;
    std::thread control_thread_;
    std::optional<LoopWatch> watch_;
    boost::asio::steady_timer too_long_{main_};
};

} // namespace agenthost::host
