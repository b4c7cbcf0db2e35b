// A plugin against the raw ABI that breaks every promise it can, as its configuration ("mode") and the
// action's name say.
//
// It speaks to the test only through the ABI and through files in "dir", so that the same library is tested
// in the host's process and in a runner. What blocks waits for the file "release" and gives up after two
// minutes.
#include <agenthost/abi.h>
#include <agenthost/ext/call.h>
#include <agenthost/ext/events.h>
#include <agenthost/ext/facts.h>
#include <agenthost/ext/health.h>
#include <agenthost/ext/listener.h>
#include <agenthost/ext/log.h>
#include <agenthost/ext/loop.h>
#include <agenthost/ext/metrics.h>
#include <agenthost/ext/state.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

extern "C" const unsigned char agenthost_manifest_data[];

using namespace std::chrono_literals;

namespace {

std::string_view view(agh_bytes b) { return {static_cast<const char*>(b.data), b.size}; }
agh_bytes bytes(std::string_view s) { return {s.data(), s.size()}; }

std::string field(std::string_view json,
                  std::string_view name) // of a flat object of strings; enough for tests
{
    const std::string key = '"' + std::string{name} + "\":\"";
    const auto at = json.find(key);
    if (at == std::string_view::npos) return {};
    const auto begin = at + key.size();
    return std::string{json.substr(begin, json.find('"', begin) - begin)};
}

struct Hostile {
    const agh_host_api* api;
    agh_host* host;
    std::string mode, dir;
    std::vector<std::thread> threads;
    std::mutex mutex;
    std::atomic<int> periods{0};
    std::atomic<bool> flooding{false};
    std::atomic<agh_req> open{0}; // the request of "timer" and the like

    template <class T> const T* service(const char* id)
    {
        return static_cast<const T*>(api->service(host, id));
    }

    void touch(const std::string& name) const
    {
        ::close(::open((dir + "/" + name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    bool exists(const std::string& name) const { return ::access((dir + "/" + name).c_str(), F_OK) == 0; }
    void block(const std::string& where) const
    {
        touch(where + ".blocked");
        for (int i = 0; i < 24'000 && !exists("release"); ++i) std::this_thread::sleep_for(5ms);
    }
    agh_status reply(agh_req id, std::string_view json, agh_status status = AGH_OK)
    {
        agh_reply r{};
        r.size = sizeof r;
        r.status = status;
        r.json = bytes(json);
        return api->complete(host, id, &r);
    }
    // What a mode does in a life-cycle call.
    void act(const char* call) const
    {
        if (mode == std::string{"throw_"} + call) throw std::runtime_error{std::string{"thrown in "} + call};
        if (mode == std::string{"throw_int_"} + call) throw 42;
        if (mode == std::string{"block_"} + call) block(call);
        if (mode == std::string{"crash_"} + call) std::abort();
        if (mode == std::string{"crash_once_"} + call && !exists("crashed")) {
            touch("crashed");
            std::abort();
        }
    }
    agh_status fail(const char* call, agh_error* error) const
    {
        if (mode == std::string{"mute_"} + call) return AGH_E_INTERNAL;
        if (mode != std::string{"fail_"} + call) return AGH_OK;
        error->status = AGH_E_DENIED;
        // Neither is NUL-terminated: the host must not run off the end.
        std::memset(error->code, 'C', sizeof error->code);
        std::memset(error->text, 'x', sizeof error->text);
        std::memcpy(error->text, "the device is not there", 23);
        error->text[23] = mode == "fail_start" ? '\0' : 'x';
        return AGH_E_DENIED;
    }
};

Hostile& self(agh_plugin* p) { return *reinterpret_cast<Hostile*>(p); }

agh_status start(agh_plugin* p, agh_error* error)
{
    Hostile& h = self(p);
    h.act("start");
    if (h.mode == "slow_start_never_drained") h.block("start");
    if (h.mode == "post_in_start") h.service<agh_svc_loop>(AGH_SVC_LOOP)->post(h.host, 77);
    h.touch("started");
    return h.fail("start", error);
}

agh_status configure(agh_plugin* p, agh_bytes config, agh_error* error)
{
    Hostile& h = self(p);
    h.act("configure");
    const agh_status status = h.fail("configure", error);
    if (status == AGH_OK) h.mode = field(view(config), "mode");
    return status;
}

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

agh_status invoke(agh_plugin* p, const agh_request* r, agh_error* error)
{
    Hostile& h = self(p);
    const std::string_view verb = view(r->action).substr(view(r->action).find('.') + 1);
    const agh_req id = r->id;
    if (verb == "echo") return h.reply(id, view(r->params)), AGH_PENDING;
    if (verb == "throw") throw std::runtime_error{"thrown in invoke"};
    if (verb == "throw_int") throw 42;
    if (verb == "throw_after") {
        h.reply(id, "{}");
        throw std::runtime_error{"thrown after complete"};
    }
    if (verb == "ok") return AGH_OK;
    if (verb == "complete_and_ok") return h.reply(id, "{}"), AGH_OK;
    if (verb == "nonsense_status") return 12345;
    if (verb == "twice") {
        const agh_status first = h.reply(id, "{}"), second = h.reply(id, "{\"again\":true}");
        if (first == AGH_OK && second == AGH_E_STALE) h.touch("second_was_stale");
        return AGH_PENDING;
    }
    if (verb == "complete_and_refuse") return h.reply(id, "{}"), AGH_E_DENIED;
    if (verb == "refuse") {
        error->status = AGH_E_NOT_FOUND;
        std::strcpy(error->code, "FILE_NOT_FOUND");
        std::strcpy(error->text, "File not found: \"x\"");
        return AGH_E_NOT_FOUND;
    }
    if (verb == "garble") { // no UTF-8, no end, control characters
        std::memset(error, 0xff, sizeof *error);
        std::memcpy(error->text, "\n\x01\"\\ \xd1\x84 \xc3(", 10);
        return AGH_E_DENIED;
    }
    if (verb == "mute") return AGH_E_DENIED;
    if (verb == "busy") return AGH_E_BUSY;
    if (verb == "never") return AGH_PENDING;
    if (verb == "block") return h.block("invoke"), h.reply(id, "{}"), AGH_PENDING;
    if (verb == "late") { // completes when it is told to, from a thread of its own
        const std::lock_guard lock{h.mutex};
        h.threads.emplace_back([&h, id] {
            h.block("late");
            if (h.reply(id, "{\"late\":true}") == AGH_E_STALE) h.touch("late_was_stale");
        });
        return AGH_PENDING;
    }
    if (verb == "stray") { // a thread that destroy() forgets, and that goes on calling the host
        auto gone = std::string{h.dir};
        std::thread{[api = h.api, host = h.host, dir = gone, id] {
            const auto has = [&](const char* name) {
                return ::access((dir + "/" + name).c_str(), F_OK) == 0;
            };
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
        return h.reply(id, "{}"), AGH_PENDING;
    }
    if (verb == "events") return emit_many(h, id);
    if (verb == "abuse") return abuse(h, id);
    if (verb == "crash") std::abort();
    if (verb == "stream") {
        const agh_status a = h.api->stream(h.host, id, 1, 0, bytes("hello "));
        const agh_status b = h.api->stream(h.host, id, 1, 6, bytes("world"));
        h.api->progress(h.host, id, bytes("{\"done\":1}"));
        return h.reply(id, a == AGH_OK && b == AGH_OK ? "{}" : "{\"busy\":true}"), AGH_PENDING;
    }
    if (verb == "services") {
        const auto state = h.service<agh_svc_state>(AGH_SVC_STATE)->directory(h.host);
        h.service<agh_svc_facts>(AGH_SVC_FACTS)->publish(h.host, bytes("k"), bytes("{\"v\":1}"));
        h.service<agh_svc_log>(AGH_SVC_LOG)->write(h.host, AGH_LOG_WARN, bytes("a line"), bytes("{\"n\":1}"));
        std::uint32_t metric = 0;
        const auto* metrics = h.service<agh_svc_metrics>(AGH_SVC_METRICS);
        metrics->define(h.host, bytes("{\"name\":\"bytes_total\",\"type\":\"counter\"}"), &metric);
        metrics->record(h.host, metric, 5);
        return h.reply(id, "{\"state\":\"" + std::string{view(state)} + "\"}"), AGH_PENDING;
    }
    if (verb == "timer" || verb == "post" || verb == "watch" || verb == "period" ||
        verb == "cancelled_timer") {
        h.open = id;
        const auto* loop = h.service<agh_svc_loop>(AGH_SVC_LOOP);
        agh_task task = 0;
        agh_status status = AGH_OK;
        if (verb == "timer") status = loop->timer(h.host, 1'000'000, 0, 11, &task);
        if (verb == "period") status = loop->timer(h.host, 1'000'000, 1'000'000, 14, &task);
        if (verb == "post") status = loop->post(h.host, 12);
        if (verb == "watch") {
            int ends[2];
            if (::pipe2(ends, O_CLOEXEC) != 0) return AGH_E_INTERNAL;
            status = loop->watch(h.host, ends[0], 1 /* POLLIN */, 13, &task);
            if (::write(ends[1], "x", 1) != 1) return AGH_E_INTERNAL;
        }
        if (verb == "cancelled_timer") {
            status = loop->timer(h.host, 20'000'000, 0, 15, &task);
            const agh_status first = loop->cancel(h.host, task), second = loop->cancel(h.host, task);
            if (first != AGH_OK || second != AGH_E_STALE) return AGH_E_INTERNAL;
            status = loop->timer(h.host, 60'000'000, 0, 11, &task);
        }
        return status == AGH_OK ? AGH_PENDING : status;
    }
    if (verb == "many_posts") {
        const auto* loop = h.service<agh_svc_loop>(AGH_SVC_LOOP);
        int busy = 0;
        h.flooding =
            true; // the other worker waits in the first of them: none is taken off the queue meanwhile
        for (int i = 0; i < 5000; ++i) busy += loop->post(h.host, 16) == AGH_E_BUSY;
        h.flooding = false;
        h.flooding.notify_all();
        agh_task task = 0;
        int full = 0;
        for (int i = 0; i < 1100; ++i)
            full += loop->timer(h.host, 3'600'000'000'000, 0, 0, &task) == AGH_E_BUSY;
        return h.reply(id, std::string{"{\"posts\":\""} + (busy > 0 ? "bounded" : "unbounded") +
                               "\",\"timers\":\"" + (full > 0 ? "bounded" : "unbounded") + "\"}"),
               AGH_PENDING;
    }
    if (verb == "call") {
        h.open = id;
        const agh_status status = h.service<agh_svc_call>(AGH_SVC_CALL)
                                      ->call(h.host, id, bytes("other.do"), r->params, 0, on_result, &h);
        return status == AGH_PENDING ? AGH_PENDING : AGH_E_DENIED;
    }
    if (verb == "blob") { // reads the descriptor of the request, answers with one of its own
        char text[64] = {};
        const auto n = r->blob_count == 1 ? ::pread(r->blobs[0].fd, text, sizeof text,
                                                    static_cast<off_t>(r->blobs[0].offset))
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
        h.api->complete(h.host, id, &reply);
        return AGH_PENDING;
    }
    error->status = AGH_E_UNSUPPORTED;
    std::strcpy(error->code, "UNKNOWN_ACTION");
    return AGH_E_UNSUPPORTED;
}

void cancel(agh_plugin* p, agh_req id)
{
    Hostile& h = self(p);
    h.touch("cancelled." + std::to_string(id));
    if (h.mode == "throw_cancel") throw std::runtime_error{"thrown in cancel"};
    if (h.mode == "obey_cancel")
        h.reply(id, "{\"code\":\"CANCELLED\",\"message\":\"cancelled\"}", AGH_E_CANCELLED);
}

void writable(agh_plugin* p, agh_req id)
{
    Hostile& h = self(p);
    h.touch("writable." + std::to_string(id));
    if (h.mode == "throw_writable") throw std::runtime_error{"thrown in writable"};
}

void on_task(agh_plugin* p, agh_task task, std::uint64_t cookie, std::uint32_t)
{
    Hostile& h = self(p);
    h.touch("task." + std::to_string(cookie));
    if (cookie == 16) h.flooding.wait(true);
    if (cookie == 14) { // a period: the third time is enough
        if (++h.periods < 3) return;
        h.service<agh_svc_loop>(AGH_SVC_LOOP)->cancel(h.host, task);
    }
    if (cookie != 16 && cookie != 77)
        if (const agh_req id = h.open.exchange(0)) h.reply(id, "{\"cookie\":" + std::to_string(cookie) + "}");
    if (h.mode == "throw_on_task") throw std::runtime_error{"thrown in on_task"};
}

agh_status health(agh_plugin* p, agh_error* error)
{
    Hostile& h = self(p);
    h.act("health");
    if (h.mode == "busy_health") {
        error->status = AGH_E_BUSY;
        std::snprintf(error->text, sizeof error->text, "one printer of two is off");
        return AGH_E_BUSY;
    }
    return h.fail("health", error);
}

const agh_ext_health health_table{sizeof(agh_ext_health), 0, health};

const void* extension(agh_plugin* p, const char* id)
{
    self(p).act("extension");
    return std::string_view{id} == AGH_EXT_HEALTH ? &health_table : nullptr;
}

void drain(agh_plugin* p)
{
    Hostile& h = self(p);
    h.touch("drained");
    h.act("drain");
    if (!h.mode.ends_with("never_drained")) h.api->drained(h.host);
}

void destroy(agh_plugin* p)
{
    Hostile& h = self(p);
    h.act("destroy");
    for (auto& thread : h.threads) thread.join();
    h.touch("destroyed");
    delete &h;
}

const agh_plugin_api whole{sizeof(agh_plugin_api),
                           0,
                           start,
                           configure,
                           invoke,
                           cancel,
                           writable,
                           on_task,
                           extension,
                           drain,
                           destroy};
const agh_plugin_api least{
    sizeof(agh_plugin_api), 0, start, nullptr, invoke, nullptr, nullptr, nullptr, nullptr, nullptr, destroy};
const agh_plugin_api no_invoke{
    sizeof(agh_plugin_api), 0, start, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, destroy};

agh_status create(const agh_host_api* api, agh_host* host, agh_bytes config, const agh_plugin_api** out,
                  agh_plugin** plugin, agh_error* error)
{
    auto h = std::make_unique<Hostile>();
    h->api = api;
    h->host = host;
    h->mode = field(view(config), "mode");
    h->dir = field(view(config), "dir");
    h->act("create");
    if (const agh_status status = h->fail("create", error); status != AGH_OK) return status;
    *out = h->mode == "least"       ? &least
           : h->mode == "no_invoke" ? &no_invoke
           : h->mode == "no_api"    ? nullptr
                                    : &whole;
    static std::mutex
        mutex; // what is never destroyed stays reachable: a leak of the test's, not of the host's
    static auto& all = *new std::vector<Hostile*>;
    const std::lock_guard lock{mutex};
    all.push_back(h.get());
    *plugin = reinterpret_cast<agh_plugin*>(h.release());
    return AGH_OK;
}

} // namespace

const agh_entry_v1 agh_plugin_entry_v1 = {sizeof(agh_entry_v1),
                                          AGH_ABI_MAJOR,
                                          AGH_ABI_MINOR,
                                          0,
                                          {agenthost_manifest_data, AGENTHOST_MANIFEST_SIZE},
                                          create};
