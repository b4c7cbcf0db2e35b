// The runner's end: passes the host's messages to the plugin, each on the right thread. LoadedPlugin is the
// plugin, PluginHost what it sees of the host.
//
// Threads: main reads the socket, polls for loop/1 and calls the plugin's cancel and writable; a control
// thread makes the life-cycle calls; workers run invoke, tasks and call results, or main does when the
// manifest says inline.
#pragma once

#include "channel.hpp"
#include "jobs.hpp"
#include "loaded_plugin.hpp"
#include "loop.hpp"
#include "plugin_host.hpp"

#include <atomic>
#include <deque>
#include <string>
#include <vector>

namespace agenthost::host::runner {

class Runner {
public:
    explicit Runner(base::Fd socket);
    void run(); // until the host is gone

private:
    // A frame that owns its bytes and descriptors.
    struct OwnedFrame {
        Header header;
        std::string body;
        std::vector<base::Fd> fds;
        [[nodiscard]] std::vector<int> raw_fds() const;
    };

    void serve_once();
    OwnedFrame read_frame(bool& got);
    void read_answers();
    void handle(OwnedFrame);
    void operate(const OwnedFrame&);
    agh_status create(const OwnedFrame&, agh_error&);
    void invoke(OwnedFrame);
    void run_invoke(const OwnedFrame&);
    void call_result(OwnedFrame);
    void cancel(agh_req);
    void credit(const OwnedFrame&);
    void job(Function<void()>, bool owed = false); // on [run]
    void fire(const std::vector<Loop::Fired>&);
    [[noreturn]] static void leave(const char* why);

    Channel channel_;
    std::deque<OwnedFrame> deferred_; // received while main waited for a particular answer
    bool inline_ = false;
    unsigned concurrency_ = 1;
    std::atomic<bool> stopping_{false}; // destroy was requested: no further [run] call begins
    LoadedPlugin plugin_;
    Loop loop_;
    PluginHost host_;
    Jobs control_, workers_;
};

} // namespace agenthost::host::runner
