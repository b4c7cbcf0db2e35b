// Reloads the configuration, one reload at a time. Requests during a reload, or before the daemon is ready,
// wait, and one further reload answers all of them. Main I/O thread; configuration, certificates and
// manifests are read on another thread, so that a dead mount does not block the I/O loop.
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

    // What a reload has read.
    struct Read {
        LoadResult loaded;
        std::vector<FoundPlugin> found;
        Certificates certificates;
    };
    using Done = std::function<void(Reloaded)>;
    // `read` runs on another thread; `apply` answers when the change is complete.
    Reloader(boost::asio::any_io_executor main, std::function<Read()> read,
             std::function<void(Read, Done)> apply);

    void request(Done);
    // The daemon is ready: handles waiting requests.
    void open();
    // The daemon stops: refuses waiting and further requests.
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

// The folders in which plugins are searched.
std::vector<std::string> plugin_path(const Config&, const RuntimePaths&);
// The request for a reload. It needs the file that the start had, also the one at the default path, and text
// in each file that had text: a file may be gone or empty by mistake, and a reload would stop everything.
LoadRequest reload_request(LoadRequest, const Config& runs);
// Reads the configuration, the plugins in its path and the listeners' certificates. Blocking.
Reloader::Read read_configuration(const LoadRequest&, const RuntimePaths&);

// Reports changed keys that are read only at start-up: "agent.state_dir changes at the next start". Compared
// with the configuration of the start, so a change that was reverted is not reported.
std::vector<std::string> pending_restart(const Config& runs, const Config& wanted);

} // namespace agenthost::host
