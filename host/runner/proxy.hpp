// The host's end of an isolated plugin: an agh_plugin_api whose functions send to the runner, and a reader
// thread that passes the runner's messages to the host. Used by runner_client.cpp only.
//
// Threads: the agh_plugin_api functions come from where abi.h says; everything that calls the host runs on
// the reader thread, with no lock held. The reader also spawns the runner and outlives it, because a runner
// dies with the thread that created it (PR_SET_PDEATHSIG).
#pragma once

#include "channel.hpp"
#include "runner_client.hpp"

#include <agenthost/ext/call.h>
#include <agenthost/ext/events.h>
#include <agenthost/ext/facts.h>
#include <agenthost/ext/health.h>
#include <agenthost/ext/log.h>
#include <agenthost/ext/log_tap.h>
#include <agenthost/ext/metrics.h>
#include <agenthost/ext/network.h>
#include <agenthost/ext/state.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace agenthost::host::runner {

class Proxy : public std::enable_shared_from_this<Proxy> {
public:
    Proxy(RunnerSpec, const agh_host_api*, agh_host*);
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    agh_status create(agh_bytes config, agh_error*);
    // Start, configure, health, drain: a round trip.
    agh_status operate(Type, std::string_view body, agh_error*);
    agh_status invoke(const agh_request&, agh_error*);
    void cancel(agh_req);
    void writable(agh_req);
    void destroy(bool ask = true); // ask: let the plugin end by itself
    void kill();                   // [any] kills the runner; on_death follows when it has exited
    [[nodiscard]] std::uint32_t offers() const { return offers_; }
    [[nodiscard]] int pid() const { return pid_; }

    agh_plugin_api api{}; // made by runner_client.cpp once offers() is known

private:
    struct Chunk {
        std::uint32_t channel;
        std::uint64_t offset;
        std::string bytes;
    };
    struct Answer { // a complete() that waits for the stream before it
        std::string body;
        std::vector<base::Fd> fds;
    };
    struct Open {                 // one request; only the reader uses it, except for the flags
        std::deque<Chunk> chunks; // not yet accepted by the host
        std::size_t bytes = 0;
        std::optional<Answer> answer;
        std::atomic<bool> sent{false}, cancelled{false};
    };
    struct Operation {
        bool done = false;
        agh_status status = AGH_OK;
        std::string code, text;
        std::uint32_t offers = 0;
    };
    struct Call { // context of an agenthost.call/1 under way; owns itself
        std::weak_ptr<Proxy> proxy;
        std::uint64_t id;
    };

    void run(std::string create_body, base::Fd theirs);
    std::string serve(); // why it ended
    void end(const std::string& why);
    bool handle(Frame&, std::string& why);
    bool on_done(Reader&, std::uint64_t id);
    bool on_refused(Reader&, agh_req);
    bool on_complete(Frame&);
    bool on_stream(Reader&, agh_req);
    bool on_emit(Frame&);
    bool on_call(Reader&, std::uint64_t id);
    bool on_define(Reader&, std::uint64_t id);
    bool on_read_log(Reader&, std::uint64_t id);
    bool on_ask_network(Reader&, std::uint64_t id);
    void go_on_with_streams();
    bool flush_stream(agh_req, Open&); // true: the request is finished with
    void give_credit(agh_req, std::size_t bytes, agh_status said);
    void give_answer(agh_req, Answer&);
    void fail(agh_req, agh_status, std::uint32_t flags, std::string_view code, std::string_view text);
    void forget(agh_req);
    std::shared_ptr<Open> open(agh_req);
    std::string create_body(agh_bytes config) const;
    void push_log_level();
    std::int32_t lowest_level() const;

    template <class T> const T* service(const char* id) const
    {
        return static_cast<const T*>(host_api_->service(host_, id));
    }

    const RunnerSpec spec_;
    const agh_host_api* const host_api_;
    agh_host* const host_;
    std::unique_ptr<Channel> channel_;
    std::atomic<int> pid_{0};
    std::atomic<bool> given_up_{false}; // it was not asked to exit, or did not
    std::atomic<std::uint32_t> offers_{0};
    std::int32_t log_level_ = 0;

    std::mutex mutex_; // what follows
    std::condition_variable changed_;
    std::unordered_map<std::uint64_t, Operation> operations_;
    std::unordered_map<agh_req, std::shared_ptr<Open>> open_;
    std::set<agh_req> look_at_; // their streams may continue, or were cancelled
    std::uint64_t last_operation_ = 0;
    std::string dead_; // why, once it is
    bool created_ = false, drain_asked_ = false, destroying_ = false;
    std::size_t calls_ = 0;

    std::size_t held_ = 0; // bytes in chunks and answers; the reader's
    std::thread reader_;
};

} // namespace agenthost::host::runner
