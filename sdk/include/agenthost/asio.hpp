// Optional, for plugins that use Asio (Boost or standalone): runs an io_context on its own thread.
//
//     #include <boost/asio.hpp>
//     #include <agenthost/asio.hpp>
//     class Mine : public agenthost::Plugin {
//         agenthost::AsioThread<boost::asio::io_context> io_;   // the last member: joined first
//
// An exception that leaves a handler is logged, and the loop continues.
#pragma once

#include "context.hpp"

#include <thread>

namespace agenthost {

template <class IoContext> class AsioThread {
public:
    explicit AsioThread(Context& context) : context_{context} {}
    AsioThread(const AsioThread&) = delete;
    AsioThread& operator=(const AsioThread&) = delete;
    ~AsioThread() { stop(); }

    [[nodiscard]] IoContext& context() noexcept { return io_; }

    // From Plugin::start(): create() starts no thread.
    void start()
    {
        if (thread_.joinable()) return;
        thread_ = std::thread{[this] {
            const auto work = make_work_guard(io_.get_executor()); // runs until stop()
            run();
        }};
    }
    // Drops queued handlers and joins the thread. Not from a handler.
    void stop()
    {
        io_.stop();
        if (thread_.joinable()) thread_.join();
    }

private:
    void run() noexcept
    {
        while (!io_.stopped()) {
            try {
                io_.run();
            } catch (...) {
                context_.link().log_exception("a handler of the plugin's own loop");
            }
        }
    }

    Context& context_;
    IoContext io_;
    std::thread thread_;
};

} // namespace agenthost
