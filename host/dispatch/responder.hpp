// Answers commands that never become a request: refusals and the host's own actions.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"
#include "incoming.hpp"

namespace agenthost::host {

class Responder {
public:
    explicit Responder(Core& core) : core_{core} {}

    void refuse(const Incoming&, wire::Outcome, std::string_view code, std::string message,
                std::string detail = {});
    void respond(const Incoming&, const wire::Result&);

private:
    void report(const Incoming&, const wire::Result&);

    Core& core_;
};

} // namespace agenthost::host
