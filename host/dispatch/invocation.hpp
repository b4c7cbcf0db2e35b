// Hands a request to its plugin, and takes back what invoke() refuses.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"
#include "requests.hpp"
#include "results.hpp"

namespace agenthost::host {

class Invocation {
public:
    Invocation(Core& core, Requests& requests, Results& results)
        : core_{core}, requests_{requests}, results_{results}
    {}

    // `flags`: of agh_request. The plugin may complete the request before this returns.
    void invoke(Slot&, const wire::Command&, std::uint32_t flags);
    // The command as the request kept it. If it was cancelled or its plugin stopped meanwhile, that is its
    // result.
    void invoke_kept(Slot&, std::uint32_t flags);

private:
    agh_status call_plugin(Slot&, const wire::Command&, std::uint32_t flags, agh_error&);
    void refused(Slot&, const wire::Command&, agh_status, const agh_error&);

    Core& core_;
    Requests& requests_;
    Results& results_;
};

} // namespace agenthost::host
