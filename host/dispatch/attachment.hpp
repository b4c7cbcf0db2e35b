// Follows callers as they attach, connect, become writable and detach, and tells the parts that have
// something for them.
//
// A caller may call all of this from inside its own callbacks. So a detached or replaced caller is released
// by the main loop, and what waits for a caller is sent only after its callback has returned.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"
#include "fan_out.hpp"
#include "outbox.hpp"
#include "requests.hpp"
#include "results.hpp"

namespace agenthost::host {

class Attachment {
public:
    Attachment(Core& core, Requests& requests, Results& results, Outbox& outbox, FanOut& fan_out)
        : core_{core}, requests_{requests}, results_{results}, outbox_{outbox}, fan_out_{fan_out}
    {}

    void attach(std::shared_ptr<Caller>);
    void detach(const Caller&);
    void connected(Caller&);
    void writable(Caller&);

private:
    // Sends what waits for the caller; without a caller, discards what its requests have streamed.
    void resume(CallerRecord&);
    void resume_later(CallerRecord&);
    void release_later(std::shared_ptr<Caller>);
    std::vector<agh_req> streaming(const CallerRecord&);
    void advance(const std::vector<agh_req>&);

    Core& core_;
    Requests& requests_;
    Results& results_;
    Outbox& outbox_;
    FanOut& fan_out_;
    // Released by the main loop.
    std::vector<std::shared_ptr<Caller>> released_;
};

} // namespace agenthost::host
