// Decides whether a command runs. The checks, in this order: size, action, allow list, rate; then, for nested
// calls as well: repeat, shutdown, in_flight, memory, schema, a free slot. The first that fails answers.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "builtins.hpp"
#include "core.hpp"
#include "drain.hpp"
#include "invocation.hpp"
#include "journalled_start.hpp"
#include "requests.hpp"
#include "reruns.hpp"
#include "responder.hpp"

namespace agenthost::host {

class Admission {
public:
    Admission(Core&, const Drain&, Requests&, Responder&, Builtins&, Invocation&, JournalledStart&);

    void submit(Caller&, const wire::Command&);
    // A command whose action is resolved and allowed.
    void admit(Incoming&, const Policy&);
    // A command that was admitted before, and whose plugin is back. If it cannot run now, the outbox tells its server
    // that it was interrupted.
    void run_again(const Reruns::Command&);
    // Refuses an action of a plugin that is enabled but not running, with the reason. False: it is not one,
    // or the caller may not run it.
    bool refuse_missing(const Incoming&, const Policy&, std::string_view word);

private:
    bool resolve(Incoming&, const Policy&);
    bool is_within_limits(const Incoming&, const Policy&, std::uint64_t charged);
    bool is_repeat(const Incoming&, const Digest&);

    Core& core_;
    const Drain& drain_;
    Requests& requests_;
    Responder& responder_;
    Builtins& builtins_;
    Invocation& invocation_;
    JournalledStart& journalled_start_;
};

} // namespace agenthost::host
