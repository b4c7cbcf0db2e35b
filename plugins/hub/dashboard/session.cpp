#include "session.hpp"

#include "base/json_writer.hpp"
#include "base/uuid.hpp"

#include <utility>

namespace agenthost::hub {

namespace dashboard_client = wire::dashboard_client;

DashboardSession::DashboardSession(Core& core, Conn c, Caller who, std::string bearer, std::string address)
    : conn{c}, id{base::random_uuid()}, peer{std::move(address)}, caller{std::move(who)},
      token{std::move(bearer)}, send_queue{std::make_shared<ClientSendQueue>(core.host, c)}, core_{core}
{}

void DashboardSession::say(std::string frame)
{
    core_.strand.post([to = send_queue, frame = std::make_shared<const std::string>(std::move(frame))] {
        to->send(frame);
    });
}

void DashboardSession::fault(const dashboard_client::Fault& fault)
{
    std::string frame;
    dashboard_client::write_error(frame, core_.utc(), fault);
    say(std::move(frame));
}

void DashboardSession::close(int code, std::string reason)
{
    closing_ = true;
    core_.timers.cancel(expiry);
    core_.strand.post([to = send_queue, code, reason = std::move(reason)] { to->close(code, reason); });
}

std::string DashboardSession::log_fields() const
{
    return base::json_object("subject", caller.subject.substr(0, 128), "peer", peer);
}

} // namespace agenthost::hub
