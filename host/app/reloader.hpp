// Reads another configuration for the daemon, one reload at a time. What is asked for meanwhile, or before the daemon is ready, waits: one
// more reload answers them all. Main I/O thread; files are read on a thread of their own, also certificates and the plugins' manifests: a
// dead mount must not stop the I/O loop.
#pragma once

#include "listener_set.hpp"
#include "runtime.hpp"

#include "host/config/config.hpp"
#include "host/plugin/plugin.hpp"
#include "host/session/off_thread.hpp"

#include <functional>
#include <vector>

namespace agenthost::host {

class Reloader {
public:
    static constexpr std::size_t max_waits = 64;

    // What one reload found.
    struct Read {
        LoadResult loaded;
        std::vector<FoundPlugin> found;
        Certificates certificates;
    };
    using Done = std::function<void(Reloaded)>;
    // `read` runs on another thread; `apply` answers when the change is made.
    Reloader(boost::asio::any_io_executor main, std::function<Read()> read,
             std::function<void(Read, Done)> apply);

    void request(Done);
    // The daemon is ready: what waited is done.
    void open();
    // The daemon stops: what waits, and all that comes, is refused.
    void close();

private:
    void take_waiting();

    boost::asio::any_io_executor main_;
    std::function<Read()> read_;
    std::function<void(Read, Done)> apply_;
    OffThread reading_;
    bool ready_ = false, closed_ = false, busy_ = false;
    std::vector<Done> waiting_;
};

// Where plugins are looked for.
std::vector<std::string> plugin_path(const Config&, const RuntimePaths&);
// The configuration, what lies in its plugin path, the listeners' certificates. Blocking.
Reloader::Read read_configuration(const LoadRequest&, const RuntimePaths&);

// "agent.state_dir changes at the next start": keys that are read when the daemon starts, and only then. Compared with what runs, so a
// change that was reverted is not reported.
std::vector<std::string> pending_restart(const Config& runs, const Config& wanted);

} // namespace agenthost::host
