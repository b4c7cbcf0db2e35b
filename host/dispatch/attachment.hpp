// Follows callers as they attach, connect, become writable and detach, and tells the parts that have
// something for them.
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
    void resume(CallerRecord&);
    std::vector<agh_req> streaming(const CallerRecord&);
    void advance(const std::vector<agh_req>&);

    Core& core_;
    Requests& requests_;
    Results& results_;
    Outbox& outbox_;
    FanOut& fan_out_;
};

} // namespace agenthost::host
