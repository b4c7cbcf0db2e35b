// Tracks the requests of the plugin in a runner: which are open, cancelled or past their deadline, and how
// much of their output the host has not acknowledged. Thread-safe.
#pragma once

#include "message.hpp"

#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

namespace agenthost::host::runner {

class PluginRequests {
public:
    void add(agh_req, std::uint64_t deadline_ns);
    // Removes a request; false: it is not open.
    bool remove(agh_req);
    // The plugin's answer: AGH_OK and the request is removed, AGH_E_STALE, or AGH_E_INVALID if the answer is
    // not `valid`. `late`: it came after the deadline.
    agh_status complete(agh_req, bool valid, bool& late);
    // Marks a request as cancelled; false: it is not open.
    bool cancel(agh_req);

    [[nodiscard]] bool is_open(agh_req) const;
    // Also true for a request that is not open or past its deadline.
    [[nodiscard]] bool cancelled(agh_req) const;

    // Sends a piece of output if the window has space for it. `send` is called with the lock held, so that a
    // request's output is sent in order and before its answer.
    template <class Send> agh_status stream(agh_req id, std::size_t bytes, Send send)
    {
        const std::scoped_lock lock{mutex_};
        const agh_status status = check_window(id, bytes);
        if (status != AGH_OK) return status;
        const agh_status sent = send();
        if (sent == AGH_OK) count(id, bytes);
        return sent;
    }
    // The host has taken `bytes` of a request's output and returned `status`. Returns the requests that can
    // be written to again.
    std::vector<agh_req> acknowledge(agh_req, std::uint64_t bytes, agh_status status);

private:
    struct Request {
        std::uint64_t deadline_ns = 0;
        bool cancelled = false;
        std::size_t unacknowledged = 0;    // bytes of output
        agh_status stream_status = AGH_OK; // the host's reply to its last output
    };
    // With the lock held.
    agh_status check_window(agh_req, std::size_t bytes);
    void count(agh_req, std::size_t bytes);

    mutable std::mutex mutex_;
    std::unordered_map<agh_req, Request> requests_;
    std::set<agh_req> blocked_; // stream() returned BUSY: writable() is due
    std::size_t unacknowledged_ = 0;
};

} // namespace agenthost::host::runner
