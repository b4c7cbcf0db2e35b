// Owns the dispatcher's parts and connects them. Each part is a class with a file and a responsibility of its
// own; they share the Core. In the order of a command's life: Admission, Invocation (with a JournalledStart
// before it), Flows, Results, Outbox.
//
// Main thread, except the functions that the parts mark as any thread. Owned by Dispatcher.
#pragma once

#include "admission.hpp"
#include "attachment.hpp"
#include "builtins.hpp"
#include "core.hpp"
#include "drain.hpp"
#include "endings.hpp"
#include "fan_out.hpp"
#include "flows.hpp"
#include "invocation.hpp"
#include "journalled_start.hpp"
#include "nested_calls.hpp"
#include "outbox.hpp"
#include "requests.hpp"
#include "reruns.hpp"
#include "responder.hpp"
#include "results.hpp"

namespace agenthost::host {

struct Dispatcher::Impl {
    Impl(boost::asio::any_io_executor, Registry&, Journal&, Options);

    // Does what is due.
    void tick();

    Core core;
    Drain drain;
    Requests requests;
    Flows flows;
    Reruns reruns;
    Outbox outbox;
    Results results;
    Endings endings;
    Invocation invocation;
    JournalledStart journalled_start;
    Responder responder;
    Builtins builtins;
    Admission admission;
    NestedCalls nested_calls;
    FanOut fan_out;
    Attachment attachment;

private:
    void empty_inbox();
};

} // namespace agenthost::host
