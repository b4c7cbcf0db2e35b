// Tracks the requests that an isolated plugin has not answered, and passes their output and results on to the
// host. Output that the host does not accept yet waits here, and a result waits behind its output.
//
// Bounds: open requests, and the bytes that wait (a runner that exceeds them is faulty). Threads: invoke(),
// cancel() and writable() from any thread; the others on the reader thread. The host is called with no lock
// held.
//
// More than 25 members: a request's output and result must stay in order.
#pragma once

#include "channel.hpp"

#include <agenthost/abi.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::host::runner {

// Whether all descriptors are regular files, which can be read without blocking.
bool regular_files(const std::vector<base::Fd>&);

class ProxyRequests {
public:
    ProxyRequests(const agh_host_api* host_api, agh_host* host, std::string plugin_id, Channel& channel)
        : host_api_{host_api}, host_{host}, plugin_id_{std::move(plugin_id)}, channel_{channel}
    {}

    agh_status invoke(const agh_request&, agh_error*);
    void cancel(agh_req);
    void writable(agh_req);
    [[nodiscard]] bool is_open(agh_req id) { return find(id) != nullptr; }

    // Messages of the runner. Each returns false if the message is invalid.
    bool on_refused(Reader&, agh_req);
    bool on_complete(Frame&);
    bool on_stream(Reader&, agh_req);
    bool on_progress(Reader&, agh_req);
    // Offers waiting output to the host again, for requests that became writable or were cancelled.
    void resume_output();
    // The runner is dead: answers every open request.
    void end(const std::string& why);

private:
    struct Chunk {
        std::uint32_t channel;
        std::uint64_t offset;
        std::string bytes;
    };
    struct Answer { // a complete() that waits for the output before it
        std::string body;
        std::vector<base::Fd> fds;
    };
    struct Open {                 // one request; used on the reader thread only, except for the flags
        std::deque<Chunk> chunks; // not yet accepted by the host
        std::size_t bytes = 0;
        std::optional<Answer> answer;
        std::atomic<bool> sent{false}, cancelled{false};
    };

    std::shared_ptr<Open> find(agh_req);
    void forget(agh_req);
    bool flush(agh_req, Open&); // true: the request is finished
    void acknowledge(agh_req, std::size_t bytes, agh_status);
    void give_answer(agh_req, Answer&);
    void fail(agh_req, agh_status, std::uint32_t flags, std::string_view code, std::string_view text);

    const agh_host_api* const host_api_;
    agh_host* const host_;
    const std::string plugin_id_;
    Channel& channel_;

    std::mutex mutex_; // protects the next three
    std::unordered_map<agh_req, std::shared_ptr<Open>> open_;
    std::set<agh_req> resumable_;
    std::string dead_; // why, once the runner is dead

    std::size_t held_ = 0; // bytes in chunks and answers; reader thread
};

} // namespace agenthost::host::runner
