// The runner's end: loads one plugin and acts as its host, forwarding calls to the real host over the socket.
//
// Threads: main reads the socket, polls for loop/1 and calls the plugin's cancel and writable; a control
// thread makes the life-cycle calls; workers run invoke, tasks and call results, or main does when the
// manifest says inline.
#pragma once

#include "channel.hpp"
#include "jobs.hpp"
#include "loop.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace agenthost::host::runner {

agh_status to_status(Channel::Sent);

class Runner {
public:
    explicit Runner(base::Fd socket);
    void run(); // until the host is gone

private:
    // The plugin's calls into its host: runner_host.cpp
    struct HostTables;
    friend struct HostTables;
    static const agh_host_api* host_api();
    const void* service(std::string_view id) const;
    agh_status complete(agh_req, const agh_reply&);
    agh_status progress(agh_req, std::string_view json);
    agh_status stream(agh_req, std::uint32_t channel, std::uint64_t offset, std::string_view bytes);
    bool cancelled(agh_req);
    void log(std::int32_t level, std::string_view message, std::string_view fields);
    agh_status emit(std::string_view topic, std::string_view audience, agh_req origin, const agh_reply&);
    agh_status publish(std::string_view key, std::string_view json);
    agh_status define(std::string_view json, std::uint32_t* metric);
    agh_status read_log(std::int32_t level, std::uint64_t* position, char* buffer, std::size_t* size,
                        std::uint64_t* lost);
    agh_status network(agh_req origin, char* buffer, std::size_t* size);
    // Sends a question to the host and waits for the answer; status < 0: it could not be sent.
    agh_status ask(Type, std::string_view body, std::string& answer);
    agh_status call(agh_req parent, std::string_view action, std::string_view params,
                    std::uint64_t timeout_ns, void (*on_result)(void*, const agh_reply*), void* ctx);

    // A frame that owns its bytes and descriptors.
    struct Kept {
        Header header;
        std::string body;
        std::vector<base::Fd> fds;
        [[nodiscard]] std::vector<int> raw_fds() const;
    };
    struct Request {
        std::uint64_t deadline_ns = 0;
        bool cancelled = false;
        std::size_t under_way = 0;         // bytes streamed and not yet acknowledged
        bool blocked = false;              // stream() returned BUSY: writable() is due
        agh_status stream_status = AGH_OK; // the host's reply to its last output
    };
    struct Call {
        void (*on_result)(void*, const agh_reply*);
        void* ctx;
    };
    struct Asked {
        bool done = false;
        std::string answer;
    };

    void serve_once();
    void handle(Kept);
    void operate(const Kept&);
    agh_status create(const Kept&, agh_error&);
    agh_status open_library(const Create&, agh_error&);
    void invoke(Kept);
    void run_invoke(const Kept&);
    void call_result(Kept);
    void cancel(agh_req);
    void credit(const Kept&);
    void job(Function<void()>, bool owed = false); // on [run]
    void fire(const std::vector<Loop::Fired>&);
    [[noreturn]] static void leave(const char* why);
    Kept read_frame(bool& got);
    std::uint32_t offers() const;

    Channel channel_;
    const std::thread::id reader_ = std::this_thread::get_id();
    std::deque<Kept> deferred_; // received while main waited for a particular answer

    std::string state_directory_;
    std::uint32_t services_ = 0;
    bool inline_ = false;
    unsigned concurrency_ = 1;
    std::atomic<std::int32_t> log_level_{0};
    std::atomic<std::uint64_t> lost_lines_{0};
    std::atomic<bool> stopping_{false}; // destroy was requested: no further [run] call begins

    const agh_plugin_api* api_ = nullptr;
    agh_plugin* plugin_ = nullptr;
    std::atomic<bool> created_{false};

    Loop loop_;
    Jobs control_, workers_;

    std::mutex mutex_; // what follows
    std::condition_variable changed_;
    std::unordered_map<agh_req, Request> requests_;
    std::set<agh_req> blocked_;
    std::size_t under_way_ = 0;
    std::unordered_map<std::uint64_t, Call> calls_;
    std::unordered_map<std::uint64_t, Asked> asked_;
    std::set<std::string, std::less<>> facts_;
    std::uint64_t last_id_ = 0;
};

} // namespace agenthost::host::runner
