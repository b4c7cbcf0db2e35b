#include "control_server.hpp"

#include <utility>

namespace agenthost::host {

std::string ControlServer::bind(const Config& config, boost::asio::any_io_executor main,
                                Dispatcher& dispatcher, ControlHooks hooks)
{
    if (auto problem = listeners_.add_unix("control", config.control_socket.string()); !problem.empty())
        return problem;
    control_.emplace(std::move(main), listeners_, dispatcher, std::move(hooks));
    control_->serve("control", false);
    if (config.metrics_bind.empty()) return {};
    ListenerConfig metrics;
    metrics.name = "metrics";
    metrics.bind = {config.metrics_bind};
    if (auto problem = listeners_.add(metrics); !problem.empty()) return problem;
    control_->serve("metrics", true);
    return {};
}

void ControlServer::drain(std::chrono::milliseconds grace, std::function<void()> done)
{
    listeners_.drain(grace, std::move(done));
}

void ControlServer::close()
{
    listeners_.forget("host"); // open connections still refer to the control's routes
    control_.reset();
}

} // namespace agenthost::host
