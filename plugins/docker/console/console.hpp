// The console of one server: follows the log of its container, keeps the newest output in a ring on disk,
// publishes it in events, watches for the line that says the server is ready, and takes commands.
//
// No entry is lost or repeated, whether the agent, the engine or the connection fails: the entries and the
// log position are stored in one write, and reading continues from there. Events are sent after that write.
// If the agent is killed between the two, some entries are in no event; the positions show the gap, and
// get_logs fills it.
//
// Runs on the I/O thread; files are read and written on `disk`, a pool. While the disk is slow, the log is
// not read: the engine keeps it, and the server never waits. Bounds: 1 MiB on disk, 256 KiB in memory, but at
// least one message of the log (1 MiB).
#pragma once

#include "done_watch.hpp"
#include "input.hpp"
#include "log_events.hpp"
#include "plugins/docker/engine/client.hpp"
#include "ring.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace agenthost::docker::console {

class Console {
public:
    struct Options {
        // Of this console alone; created with its parent.
        std::filesystem::path folder;
        LogEvents::Limits events{};
    };
    // A handler may call stop(), but not destroy the Console.
    struct Handlers {
        std::function<void(const LogEvent&)> on_event;
        std::function<void()> on_done;
        // The container has ended or is gone, and its log was read to the end.
        std::function<void()> on_complete;
        // A sentence: the ring cannot be read or written. At most once a minute.
        std::function<void(const std::string&)> on_trouble;
    };

    Console(engine::Client&, const boost::asio::any_io_executor& disk, Options, Handlers);
    ~Console(); // no handler is called afterwards
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    // Follows a container of this server that runs or has run; its log is read from where reading stopped.
    // Lines printed from `since_ns` on are given to `done`, including those already in the ring; pass the
    // time just before the engine was asked to start it (StartedAt can be later than the first line). Unread
    // output of a previous container is skipped: wait for on_complete before replacing a container.
    void follow(std::string container, DoneWatch done = {}, std::int64_t since_ns = 0);
    // Takes the state of the followed container from inspect and events.
    void started();
    void ended();
    // The engine is back: a pending attempt is made now.
    void retry_now();

    void send(std::string_view line, Input::Then then);
    void read(const Query&, std::function<void(Page)>);

    // Stops following. `then` is called when everything read is stored and the folder may be removed or
    // reopened.
    void stop(std::function<void()> then);

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace agenthost::docker::console
