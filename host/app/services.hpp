// The host functions that plugins call; forwards each call to the part that implements it. Thread-safe, never
// blocks.
//
// More than 25 members: each host function is one.
#pragma once

#include "host/plugin/plugin.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace agenthost::host {

class Dispatcher;
class Facts;
class Listeners;
class Metrics;

class Services final : public HostServices {
public:
    struct Parts {
        Dispatcher& dispatcher;
        Facts& facts;
        Metrics& metrics;
        Listeners& listeners;
        std::string state_dir;
        std::function<void(std::string id, std::string why)> on_died; // main I/O thread
        std::function<void(std::string id)> on_changed;               // main I/O thread
        // JSON of ext/network.h, a secret; nullopt: a server that was removed. [any]
        std::function<std::optional<std::string>(std::string_view caller)> network;
    };
    explicit Services(Parts parts) : parts_{std::move(parts)} {}

    // Sets the permissions of its manifest; call before the plugin starts.
    void admit(const Manifest&);
    Listeners& listeners() { return parts_.listeners; }

    agh_status complete(std::string_view plugin, agh_req, const agh_reply*) override;
    agh_status progress(std::string_view plugin, agh_req, std::string_view json) override;
    agh_status stream(std::string_view plugin, agh_req, std::uint32_t channel, std::uint64_t offset,
                      std::string_view bytes) override;
    bool cancelled(agh_req) override;
    bool log_enabled(std::string_view plugin, int level) override;
    void log(std::string_view plugin, int level, std::string_view message,
             std::string_view fields_json) override;
    bool may_read_log(std::string_view plugin) override;
    std::string read_log(std::string_view plugin, int level, std::uint64_t& position, std::size_t capacity,
                         std::uint64_t& lost) override;
    bool may_use_network(std::string_view plugin) override;
    agh_status network_settings(std::string_view plugin, agh_req origin, std::string& json) override;
    agh_status emit(std::string_view plugin, std::string_view topic, std::string_view audience,
                    agh_req origin, const agh_reply*) override;
    agh_status publish(std::string_view plugin, std::string_view key, std::string_view json) override;
    std::string state_directory(std::string_view plugin) override;
    agh_status define_metric(std::string_view plugin, std::string_view json, std::uint32_t* id) override;
    void record_metric(std::string_view plugin, std::uint32_t id, double value) override;
    agh_status call(std::string_view plugin, agh_req parent, std::string_view action, std::string_view params,
                    std::uint64_t timeout_ns, std::function<void(const agh_reply&)> done) override;
    const void* listener_service(std::string_view plugin) override;
    void plugin_died(std::string_view id, std::string why) override;
    void plugin_changed(std::string_view id) override;
    void closing(std::string_view id) override;

private:
    struct Admitted {
        std::vector<std::string> may_call;
        bool may_listen = false, may_read_log = false, may_use_network = false;
        // The log limit of one plugin: bursts of 500 lines, 100 per second; the number of dropped lines is
        // logged once a second.
        double tokens = 500;
        std::chrono::steady_clock::time_point refilled = std::chrono::steady_clock::now();
        std::uint64_t dropped = 0;
    };
    Parts parts_;
    std::mutex mutex_;
    std::map<std::string, Admitted, std::less<>> admitted_;
};

// agenthost.listener/1 over Listeners.
const void* listener_table();

} // namespace agenthost::host
