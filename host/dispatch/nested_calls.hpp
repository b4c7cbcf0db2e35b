// Runs agenthost.call/1: a plugin calls another plugin's action, under the rights of the request that it
// serves; without a request, under those of its own manifest.
//
// call(): any thread. start(): main thread. Owned by Dispatcher::Impl.
#pragma once

#include "admission.hpp"
#include "core.hpp"
#include "responder.hpp"

namespace agenthost::host {

class NestedCalls {
public:
    static constexpr std::uint8_t max_depth = 8;

    NestedCalls(Core& core, Admission& admission, Responder& responder)
        : core_{core}, admission_{admission}, responder_{responder}
    {}

    agh_status call(std::string_view plugin, std::vector<std::string> may_call, agh_req parent,
                    std::string_view action, std::string_view params, std::uint64_t timeout_ns,
                    CallDone done);
    // A call that the inbox brought.
    void start(NestedCall);

private:
    agh_status depth_below(agh_req parent, std::string_view plugin, std::uint8_t& depth) const;
    void start_for_parent(NestedCall&);
    void start_on_own_account(NestedCall&);
    void submit(NestedCall&, CallerRecord&, const Policy&, Clock::time_point deadline);

    Core& core_;
    Admission& admission_;
    Responder& responder_;
};

} // namespace agenthost::host
