#include "control_room.hpp"

#include <utility>

namespace agenthost::host {

std::string ControlRoom::bind(const Config& config, boost::asio::any_io_executor main, Dispatcher& dispatcher,
                              ControlHooks hooks)
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

void ControlRoom::drain(std::chrono::milliseconds grace, std::function<void()> done)
{
    listeners_.drain(grace, std::move(done));
}

void ControlRoom::close()
{
    listeners_.forget("host"); // connections that are open still know the control's routes
    control_.reset();
}

} // namespace agenthost::host
