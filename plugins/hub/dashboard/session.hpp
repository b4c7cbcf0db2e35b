// One connected dashboard: its caller, its rates and its send queue. dashboards.hpp owns it. Under the hub's
// lock.
#pragma once

#include "limits.hpp"
#include "plugins/hub/core/access.hpp"
#include "plugins/hub/core/core.hpp"
#include "send_queue.hpp"

#include "wire/dashboard/client.hpp"

#include <memory>
#include <string>

namespace agenthost::hub {

class DashboardSession {
public:
    DashboardSession(Core& core, Conn conn, Caller caller, std::string token, std::string peer);

    void say(std::string frame) UNDER_LOCK;
    void fault(const wire::dashboard_client::Fault&) UNDER_LOCK;
    // Nothing is read or sent afterwards. Its memory is freed when the daemon reports it closed.
    void close(int code, std::string reason) UNDER_LOCK;
    [[nodiscard]] bool closing() const { return closing_; }
    // Its identity, for the log: JSON.
    [[nodiscard]] std::string log_fields() const;

    const Conn conn;
    const std::string id, peer;
    Caller caller;
    // Checked again when credentials change; never logged.
    std::string token;
    const std::shared_ptr<ClientSendQueue> send_queue;
    // Of the token.
    Timers::Id expiry{};
    DashboardLimits limits;

private:
    Core& core_;
    bool closing_ = false;
};

} // namespace agenthost::hub
