// Makes a runner's calls of host services: log, events, facts, metrics, log tap, network settings and calls
// of other plugins' actions.
//
// Thread: the reader thread. Results of calls arrive on any thread, even after the proxy is gone; owned by
// the proxy, shared with them. Bound: max_calls pending calls.
#pragma once

#include "channel.hpp"

#include <agenthost/abi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace agenthost::host::runner {

class ServiceRelay : public std::enable_shared_from_this<ServiceRelay> {
public:
    // `is_open`: whether the plugin has not answered this request.
    ServiceRelay(const agh_host_api* host_api, agh_host* host, std::shared_ptr<Channel> channel,
                 std::function<bool(agh_req)> is_open)
        : host_api_{host_api}, host_{host}, channel_{std::move(channel)}, is_open_{std::move(is_open)}
    {}

    // What the runner needs to know before it creates the plugin.
    [[nodiscard]] std::uint32_t offered() const; // bits of Service
    [[nodiscard]] std::string state_directory() const;
    [[nodiscard]] std::int32_t lowest_log_level() const;

    // Handles a message of the runner. Returns false if it is invalid or of another type.
    bool handle(Frame&);

private:
    struct Call;

    bool on_log(Reader&);
    bool on_publish(Reader&);
    bool on_record(Reader&, std::uint64_t id);
    bool on_emit(Frame&);
    bool on_call(Reader&, std::uint64_t id);
    bool on_define(Reader&, std::uint64_t id);
    bool on_read_log(Reader&, std::uint64_t id);
    bool on_ask_network(Reader&, std::uint64_t id);
    agh_status start_call(std::uint64_t id, agh_req parent, std::string_view action, std::string_view params,
                          std::uint64_t timeout_ns);

    template <class T> const T* service(const char* id) const
    {
        return static_cast<const T*>(host_api_->service(host_, id));
    }

    const agh_host_api* const host_api_;
    agh_host* const host_;
    const std::shared_ptr<Channel> channel_;
    const std::function<bool(agh_req)> is_open_;
    std::atomic<std::size_t> calls_{0};
};

} // namespace agenthost::host::runner
