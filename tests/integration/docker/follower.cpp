// A console of one container in a process of its own, so that a test can kill it: docker_follower SOCKET CONTAINER
// FOLDER. Ends when the container's log was read to its end, and says what it cost.
#include "plugins/docker/console/console.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>

int main(int count, char** arguments)
{
    using namespace agenthost::docker;
    if (count != 4) return 2;
    boost::asio::io_context io;
    boost::asio::thread_pool pool{1};
    engine::Client client{io, {.socket = arguments[1]}};
    std::uint64_t events = 0, shown = 0, dropped = 0;
    std::unique_ptr<console::Console> console;
    const auto work = boost::asio::make_work_guard(io);
    console = std::make_unique<console::Console>(
        client, pool.get_executor(), console::Console::Options{.folder = arguments[3]},
        console::Console::Handlers{.on_event =
                                       [&](const console::LogEvent& event) {
                                           ++events;
                                           shown += event.entries;
                                           dropped += event.dropped;
                                       },
                                   .on_done = {},
                                   .on_complete = [&] { console->stop([&io] { io.stop(); }); },
                                   .on_trouble = [](const std::string& why) { std::puts(why.c_str()); }});
    console->follow(arguments[2]);
    io.run();
    pool.join();
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    std::printf(
        "complete: user %.2f s, system %.2f s, max RSS %ld KiB, events %llu with %llu entries, %llu not "
        "in events\n",
        seconds(use.ru_utime), seconds(use.ru_stime), use.ru_maxrss, static_cast<unsigned long long>(events),
        static_cast<unsigned long long>(shown), static_cast<unsigned long long>(dropped));
    return 0;
}
