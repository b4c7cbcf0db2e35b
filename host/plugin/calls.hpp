// agenthost.call/1 for one plugin instance: tracks its pending calls to other plugins, so that each is
// answered exactly once and none after destroy(). Thread-safe. Bound: 1,024 pending calls.
#pragma once

#include "owned.hpp"
#include "plugin.hpp"

#include <functional>
#include <memory>
#include <string_view>

namespace agenthost::host {

class Calls {
public:
    using Deliver = std::function<void(std::function<void()>)>; // [any]: moves to [run]
    using Guard =
        std::function<void(const std::function<void()>&)>; // runs plugin code and catches all exceptions

    Calls(HostServices&, std::string plugin, Deliver, Guard);
    ~Calls();

    agh_status call(agh_req parent, std::string_view action, std::string_view params,
                    std::uint64_t timeout_ns, void (*on_result)(void*, const agh_reply*), void* ctx);
    void close(); // pending calls are answered AGH_E_CLOSED, on [run]; no further call is accepted

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace agenthost::host
