// Ends requests: takes a plugin's reply on whatever thread it comes, and on the main thread journals it,
// waits for the request's streams, sends it, and releases the request. The first to claim the request's slot
// decides its result.
//
// complete(): any thread. Everything else: main thread. Owned by Dispatcher::Impl.
#pragma once

#include "flows.hpp"
#include "outbox.hpp"
#include "requests.hpp"
#include "reruns.hpp"

namespace agenthost::host {

class Results {
public:
    Results(Core& core, Requests& requests, Flows& flows, Reruns& reruns, Outbox& outbox)
        : core_{core}, requests_{requests}, flows_{flows}, reruns_{reruns}, outbox_{outbox}
    {}

    agh_status complete(std::string_view plugin, agh_req, const agh_reply&);

    // A completion from another thread.
    void receive(Completion&);
    // Ends a claimed request with an answer of the host's own or of a refusal. Releases it, or does so later.
    void end(Slot&, Answer);
    // The same for one that has a row in the journal, also when it never began.
    void journal(Slot&, Answer);
    // Sends what the request has streamed, and a result that was waiting for it.
    void advance(Slot& slot)
    {
        if (flows_.advance(slot)) send(slot);
    }

    // While it exists, this thread is inside invoke() of the request: complete() takes effect at once.
    class InvokeScope;

private:
    struct Invoking {
        const Results* results;
        agh_req id;
    };
    static constinit thread_local const Invoking* invoking_;

    [[nodiscard]] bool is_invoking(agh_req id) const
    {
        return invoking_ && invoking_->id == id && invoking_->results == this;
    }
    // It may be completed inside invoke(). Otherwise it would be released there, with the parameters that it
    // has kept and the plugin still reads.
    static bool ends_here(const Request& r) { return !r.done && (!r.linked || r.row); }
    void settle(Slot&, const agh_reply&);
    void settle_call(Slot&, OwnedReply&);
    void end_call(Slot&, const wire::Result&, OwnedReply);
    void send(Slot&);
    void send_now(Slot&, const wire::Result&);

    Core& core_;
    Requests& requests_;
    Flows& flows_;
    Reruns& reruns_;
    Outbox& outbox_;
};

class Results::InvokeScope {
public:
    InvokeScope(const Results& results, agh_req id)
        : here_{&results, id}, outer_{std::exchange(invoking_, &here_)}
    {}
    ~InvokeScope() { invoking_ = outer_; }
    InvokeScope(const InvokeScope&) = delete;
    InvokeScope& operator=(const InvokeScope&) = delete;

private:
    Invoking here_;
    const Invoking* outer_;
};

} // namespace agenthost::host
