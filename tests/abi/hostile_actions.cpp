// The hostile plugin's actions. Most break a promise of the ABI; some only use a service.
#include "hostile.hpp"

#include <agenthost/ext/call.h>
#include <agenthost/ext/events.h>
#include <agenthost/ext/facts.h>
#include <agenthost/ext/listener.h>
#include <agenthost/ext/log.h>
#include <agenthost/ext/loop.h>
#include <agenthost/ext/metrics.h>
#include <agenthost/ext/state.h>

#include <algorithm>
#include <cstdio>

#include <sys/mman.h>

using namespace std::chrono_literals;

namespace hostile {

namespace {

agh_status emit_many(Hostile& h, agh_req id)
{
    const auto* events = h.service<agh_svc_events>(AGH_SVC_EVENTS);
    int taken = 0, busy = 0;
    for (int i = 0; i < 10'000; ++i) {
        agh_reply body{};
        body.size = sizeof body;
        body.json = bytes("{\"n\":1}");
        const agh_status status = events->emit(h.host, bytes("hostile.noise"), bytes("*"), id, &body);
        (status == AGH_OK ? taken : busy) += 1;
    }
    char text[64];
    std::snprintf(text, sizeof text, "{\"taken\":%d,\"busy\":%d}", taken, busy);
    h.reply(id, text);
    return AGH_PENDING;
}

// Every function of the host with arguments that are wrong; each must answer and none may crash.
agh_status abuse(Hostile& h, agh_req id)
{
    const agh_bytes nowhere{nullptr, 100};
    agh_reply bad{};
    int wrong = 0;
    const auto refused = [&](agh_status s) { wrong += s >= 0; };
    refused(h.api->complete(h.host, id, nullptr));
    refused(h.api->complete(h.host, id, &bad)); // size 0
    bad.size = sizeof bad;
    bad.json = nowhere;
    refused(h.api->complete(h.host, id, &bad));
    bad.json = {};
    bad.status = 7;
    refused(h.api->complete(h.host, id, &bad));
    bad.status = AGH_OK;
    bad.blob_count = 1;
    refused(h.api->complete(h.host, id, &bad)); // no blobs
    bad.blob_count = 1'000'000;
    bad.blob_stride = 1;
    bad.blobs = reinterpret_cast<const agh_blob*>(&bad);
    refused(h.api->complete(h.host, id, &bad));
    refused(h.api->complete(h.host, 0xdeadbeef, nullptr));
    refused(h.api->progress(h.host, id, nowhere));
    refused(h.api->stream(h.host, id, 1, 0, nowhere));
    const auto* loop = h.service<agh_svc_loop>(AGH_SVC_LOOP);
    agh_task task = 0;
    refused(loop->timer(h.host, 1, 0, 0, nullptr));
    refused(loop->watch(h.host, -1, 1, 0, &task));
    refused(loop->watch(h.host, 1'000'000, 1, 0, &task));
    refused(loop->cancel(h.host, 12345));
    refused(h.service<agh_svc_facts>(AGH_SVC_FACTS)->publish(h.host, nowhere, bytes("1")));
    refused(h.service<agh_svc_events>(AGH_SVC_EVENTS)->emit(h.host, bytes("t"), bytes("*"), 0, nullptr));
    std::uint32_t metric = 0;
    refused(h.service<agh_svc_metrics>(AGH_SVC_METRICS)->define(h.host, nowhere, &metric));
    refused(
        h.service<agh_svc_call>(AGH_SVC_CALL)->call(h.host, 0, bytes("a"), bytes("{}"), 0, nullptr, nullptr));
    h.service<agh_svc_log>(AGH_SVC_LOG)->write(h.host, 99, nowhere, nowhere);
    wrong += h.api->service(h.host, "agenthost.nothing/9") != nullptr;
    wrong += h.api->service(h.host, nullptr) != nullptr;
    wrong += h.api->service(h.host, AGH_SVC_LISTENER) != nullptr; // not in the manifest
    return h.reply(id, wrong == 0 ? "{\"refused\":\"all\"}" : "{\"refused\":\"not all\"}"), AGH_PENDING;
}

void on_result(void* ctx, const agh_reply* reply)
{
    Hostile& h = *static_cast<Hostile*>(ctx);
    h.touch("result." + std::to_string(reply->status));
    if (const agh_req id = h.open.exchange(0))
        h.reply(id, view(reply->json).empty() ? "{}" : view(reply->json));
}

agh_status throw_after(const Call& call)
{
    call.answer("{}");
    throw std::runtime_error{"thrown after complete"};
}

agh_status complete_twice(const Call& call)
{
    Hostile& h = call.h;
    const agh_status first = h.reply(call.id(), "{}"), second = h.reply(call.id(), "{\"again\":true}");
    if (first == AGH_OK && second == AGH_E_STALE) h.touch("second_was_stale");
    return AGH_PENDING;
}

agh_status refuse(const Call& call)
{
    call.error->status = AGH_E_NOT_FOUND;
    std::strcpy(call.error->code, "FILE_NOT_FOUND");
    std::strcpy(call.error->text, "File not found: \"x\"");
    return AGH_E_NOT_FOUND;
}

// An error with invalid UTF-8, control characters and no terminating NUL.
agh_status garble(const Call& call)
{
    std::memset(call.error, 0xff, sizeof *call.error);
    std::memcpy(call.error->text, "\n\x01\"\\ \xd1\x84 \xc3(", 10);
    return AGH_E_DENIED;
}

agh_status block_invoke(const Call& call)
{
    call.h.block("invoke");
    return call.answer("{}");
}

// Completes when it is told to, from a thread of its own.
agh_status complete_late(const Call& call)
{
    Hostile& h = call.h;
    const std::lock_guard lock{h.mutex};
    h.threads.emplace_back([&h, id = call.id()] {
        h.block("late");
        if (h.reply(id, "{\"late\":true}") == AGH_E_STALE) h.touch("late_was_stale");
    });
    return AGH_PENDING;
}

// Starts a thread that destroy() forgets, and that goes on calling the host.
agh_status leave_a_stray_thread(const Call& call)
{
    std::thread{[api = call.h.api, host = call.h.host, dir = call.h.dir, id = call.id()] {
        const auto has = [&](const char* name) { return ::access((dir + "/" + name).c_str(), F_OK) == 0; };
        for (int i = 0; i < 24'000 && !has("release"); ++i) {
            agh_reply reply{};
            reply.size = sizeof reply;
            api->cancelled(host, id);
            api->progress(host, id, bytes("{}"));
            api->complete(host, 999'999, &reply);
            std::this_thread::sleep_for(1ms);
        }
        agh_reply reply{};
        reply.size = sizeof reply;
        const bool stale = api->complete(host, id, &reply) == AGH_E_STALE &&
                           api->progress(host, id, bytes("{}")) == AGH_E_STALE &&
                           api->service(host, AGH_SVC_LOG) == nullptr && api->cancelled(host, id) == 1;
        ::close(::open((dir + (stale ? "/stray_was_stale" : "/stray_got_through")).c_str(),
                       O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }}.detach();
    return call.answer("{}");
}

agh_status stream(const Call& call)
{
    Hostile& h = call.h;
    const agh_status a = h.api->stream(h.host, call.id(), 1, 0, bytes("hello "));
    const agh_status b = h.api->stream(h.host, call.id(), 1, 6, bytes("world"));
    h.api->progress(h.host, call.id(), bytes("{\"done\":1}"));
    return call.answer(a == AGH_OK && b == AGH_OK ? "{}" : "{\"busy\":true}");
}

agh_status use_services(const Call& call)
{
    Hostile& h = call.h;
    const auto state = h.service<agh_svc_state>(AGH_SVC_STATE)->directory(h.host);
    h.service<agh_svc_facts>(AGH_SVC_FACTS)->publish(h.host, bytes("k"), bytes("{\"v\":1}"));
    h.service<agh_svc_log>(AGH_SVC_LOG)->write(h.host, AGH_LOG_WARN, bytes("a line"), bytes("{\"n\":1}"));
    std::uint32_t metric = 0;
    const auto* metrics = h.service<agh_svc_metrics>(AGH_SVC_METRICS);
    metrics->define(h.host, bytes("{\"name\":\"bytes_total\",\"type\":\"counter\"}"), &metric);
    metrics->record(h.host, metric, 5);
    return call.answer("{\"state\":\"" + std::string{view(state)} + "\"}");
}

agh_status pending_if(agh_status status) { return status == AGH_OK ? AGH_PENDING : status; }

agh_status timer(const Call& call)
{
    Hostile& h = call.h;
    h.open = call.id();
    agh_task task = 0;
    return pending_if(
        h.service<agh_svc_loop>(AGH_SVC_LOOP)->timer(h.host, 1'000'000, 0, cookie_timer, &task));
}

agh_status period(const Call& call)
{
    Hostile& h = call.h;
    h.open = call.id();
    agh_task task = 0;
    return pending_if(
        h.service<agh_svc_loop>(AGH_SVC_LOOP)->timer(h.host, 1'000'000, 1'000'000, cookie_period, &task));
}

agh_status post(const Call& call)
{
    Hostile& h = call.h;
    h.open = call.id();
    return pending_if(h.service<agh_svc_loop>(AGH_SVC_LOOP)->post(h.host, cookie_post));
}

agh_status watch(const Call& call)
{
    Hostile& h = call.h;
    h.open = call.id();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return AGH_E_INTERNAL;
    agh_task task = 0;
    const agh_status status =
        h.service<agh_svc_loop>(AGH_SVC_LOOP)->watch(h.host, ends[0], 1 /* POLLIN */, cookie_watch, &task);
    if (::write(ends[1], "x", 1) != 1) return AGH_E_INTERNAL;
    return pending_if(status);
}

agh_status cancelled_timer(const Call& call)
{
    Hostile& h = call.h;
    h.open = call.id();
    const auto* loop = h.service<agh_svc_loop>(AGH_SVC_LOOP);
    agh_task task = 0;
    loop->timer(h.host, 20'000'000, 0, cookie_cancelled, &task);
    const agh_status first = loop->cancel(h.host, task), second = loop->cancel(h.host, task);
    if (first != AGH_OK || second != AGH_E_STALE) return AGH_E_INTERNAL;
    return pending_if(loop->timer(h.host, 60'000'000, 0, cookie_timer, &task));
}

agh_status flood_the_loop(const Call& call)
{
    Hostile& h = call.h;
    const auto* loop = h.service<agh_svc_loop>(AGH_SVC_LOOP);
    int busy = 0;
    // The other worker waits in the first of them, so that none is taken off the queue meanwhile.
    h.flooding = true;
    for (int i = 0; i < 5000; ++i) busy += loop->post(h.host, cookie_flood) == AGH_E_BUSY;
    h.flooding = false;
    h.flooding.notify_all();
    agh_task task = 0;
    int full = 0;
    for (int i = 0; i < 1100; ++i) full += loop->timer(h.host, 3'600'000'000'000, 0, 0, &task) == AGH_E_BUSY;
    return call.answer(std::string{"{\"posts\":\""} + (busy > 0 ? "bounded" : "unbounded") +
                       "\",\"timers\":\"" + (full > 0 ? "bounded" : "unbounded") + "\"}");
}

agh_status call_another_plugin(const Call& call)
{
    Hostile& h = call.h;
    h.open = call.id();
    const agh_status status =
        h.service<agh_svc_call>(AGH_SVC_CALL)
            ->call(h.host, call.id(), bytes("other.do"), call.request->params, 0, on_result, &h);
    return status == AGH_PENDING ? AGH_PENDING : AGH_E_DENIED;
}

// Reads the descriptor of the request, answers with one of its own.
agh_status copy_blob(const Call& call)
{
    const agh_request* r = call.request;
    char text[64] = {};
    const auto n = r->blob_count == 1
                       ? ::pread(r->blobs[0].fd, text, sizeof text, static_cast<off_t>(r->blobs[0].offset))
                       : -1;
    if (n < 0) return AGH_E_INVALID;
    const int copy = ::memfd_create("copy", MFD_CLOEXEC);
    if (copy < 0 || ::pwrite(copy, text, static_cast<size_t>(n), 0) != n) return AGH_E_INTERNAL;
    agh_blob out{};
    out.size = sizeof out;
    out.fd = copy;
    out.length = static_cast<std::uint64_t>(n);
    out.name = bytes("copy");
    agh_reply reply{};
    reply.size = sizeof reply;
    reply.json = bytes("{}");
    reply.blobs = &out;
    reply.blob_count = 1;
    reply.blob_stride = sizeof out;
    call.h.api->complete(call.h.host, call.id(), &reply);
    return AGH_PENDING;
}

// The actions, without "hostile.".
struct Action {
    std::string_view name;
    agh_status (*run)(const Call&);
};
constexpr Action actions[]{
    {"echo", [](const Call& call) { return call.answer(view(call.request->params)); }},
    {"throw", [](const Call&) -> agh_status { throw std::runtime_error{"thrown in invoke"}; }},
    {"throw_int", [](const Call&) -> agh_status { throw 42; }},
    {"throw_after", throw_after},
    {"ok", [](const Call&) -> agh_status { return AGH_OK; }},
    {"complete_and_ok", [](const Call& call) -> agh_status { return call.answer("{}"), AGH_OK; }},
    {"nonsense_status", [](const Call&) -> agh_status { return 12345; }},
    {"twice", complete_twice},
    {"complete_and_refuse", [](const Call& call) -> agh_status { return call.answer("{}"), AGH_E_DENIED; }},
    {"refuse", refuse},
    {"garble", garble},
    {"mute", [](const Call&) -> agh_status { return AGH_E_DENIED; }},
    {"busy", [](const Call&) -> agh_status { return AGH_E_BUSY; }},
    {"never", [](const Call&) -> agh_status { return AGH_PENDING; }},
    {"block", block_invoke},
    {"late", complete_late},
    {"stray", leave_a_stray_thread},
    {"events", [](const Call& call) { return emit_many(call.h, call.id()); }},
    {"abuse", [](const Call& call) { return abuse(call.h, call.id()); }},
    {"crash", [](const Call&) -> agh_status { std::abort(); }},
    {"stream", stream},
    {"services", use_services},
    {"timer", timer},
    {"period", period},
    {"post", post},
    {"watch", watch},
    {"cancelled_timer", cancelled_timer},
    {"many_posts", flood_the_loop},
    {"call", call_another_plugin},
    {"blob", copy_blob},
};

} // namespace

agh_status invoke(agh_plugin* p, const agh_request* r, agh_error* error)
{
    const std::string_view action = view(r->action), name = action.substr(action.find('.') + 1);
    if (const auto* found = std::ranges::find(actions, name, &Action::name); found != std::end(actions))
        return found->run({self(p), r, error});
    error->status = AGH_E_UNSUPPORTED;
    std::strcpy(error->code, "UNKNOWN_ACTION");
    return AGH_E_UNSUPPORTED;
}

} // namespace hostile
