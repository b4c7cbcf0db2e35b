// The plugin in a runner: its library and the instance that create() has made. Life-cycle calls on the
// control thread, the others on the threads that abi.h names. Owned by the Runner.
#pragma once

#include "message.hpp"

#include <agenthost/abi.h>
#include <agenthost/ext/health.h>

#include <atomic>

namespace agenthost::host::runner {

class LoadedPlugin {
public:
    // Loads the library and creates the instance.
    agh_status create(const Create&, const agh_host_api*, agh_host*, agh_error&);
    // Makes a life-cycle call; `body` is the configuration of Type::configure.
    agh_status operate(Type, std::string_view body, agh_error&);
    [[nodiscard]] bool created() const { return created_; }
    [[nodiscard]] std::uint32_t offers() const; // bits of Offer

    agh_status invoke(const agh_request&, agh_error&);
    // Do nothing if the plugin has no such function or has been destroyed.
    void cancel(agh_req);
    void writable(agh_req);
    [[nodiscard]] bool has_tasks() const { return created_ && AGH_HAS(api_, on_task); }
    void on_task(agh_task task, std::uint64_t cookie, std::uint32_t events)
    {
        api_->on_task(plugin_, task, cookie, events);
    }

private:
    [[nodiscard]] const agh_ext_health* health() const;

    const agh_plugin_api* api_ = nullptr;
    agh_plugin* plugin_ = nullptr;
    std::atomic<bool> created_{false};
};

} // namespace agenthost::host::runner
