// Owns the control socket and `metrics.bind`: their listeners and what answers on them. Main I/O thread.
#pragma once

#include "control.hpp"

#include "host/config/config.hpp"
#include "host/listener/listener.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::host {

class ControlServer {
public:
    explicit ControlServer(boost::asio::io_context& loop) : listeners_{{&loop}} {}

    // Binds both addresses. Returns a problem, or an empty string.
    std::string bind(const Config&, boost::asio::any_io_executor main, Dispatcher&, ControlHooks);
    // Accepts connections from now on.
    void open() { listeners_.open(); }
    [[nodiscard]] std::vector<ListenerStatus> status() { return listeners_.status(); }
    // `done` is called on the loop's thread.
    void drain(std::chrono::milliseconds, std::function<void()> done);
    // Stops answering. Call it after its loop has ended.
    void close();

private:
    Listeners listeners_;
    std::optional<Control> control_;
};

} // namespace agenthost::host
