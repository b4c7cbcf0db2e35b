// The daemon's functions that the parts of the hub need. plugin.cpp implements them with the SDK, tests with
// scripts. HTTP: http/http_host.hpp.
#pragma once

#include <agenthost/ext/listener.h>
#include <agenthost/ext/log.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::hub {

using Conn = agh_conn;

enum class Metric : std::uint8_t {
    agents,
    open_tasks,
    auth_failures,
    tasks_success,
    tasks_error,
    tasks_failed,
    resent,
    bytes_in,
    bytes_out,
    spool,
    requests,
    refused,
    dashboards,
    dashboard_dropped
};
inline constexpr std::size_t metric_count = 14;

// Any thread.
class Host {
public:
    virtual ~Host() = default;
    virtual void upgrade(Conn, std::string_view headers_json, std::string_view limits_json) = 0;
    virtual agh_status send(Conn, std::string_view text) = 0;
    virtual void limits(Conn, std::string_view limits_json) = 0;
    virtual void close(Conn, int code, std::string_view reason) = 0;
    virtual void pause(Conn, bool /*on*/) {}               // stop or resume reading its frames
    [[nodiscard]] virtual std::string address() const = 0; // of the listener: "https://127.0.0.1:3001"
    virtual void log(int level, std::string_view message, std::string_view fields_json) = 0;
    virtual void record(Metric, double) = 0;
    virtual void publish(std::string_view key, std::string_view json) = 0;
    virtual agh_status send_binary(Conn, std::string_view) { return AGH_E_UNSUPPORTED; }
};

} // namespace agenthost::hub
