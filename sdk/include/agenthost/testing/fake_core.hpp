// The host's side of the ABI for the FakeHost: the tables it gives to a plugin and what it records. Tests use
// fake_host.hpp.
#pragma once

#include "../bytes.hpp"
#include "../error.hpp"
#include "../ext/call.h"
#include "../ext/check.h"
#include "../ext/events.h"
#include "../ext/facts.h"
#include "../ext/health.h"
#include "../ext/log.h"
#include "../ext/log_tap.h"
#include "../ext/loop.h"
#include "../ext/metrics.h"
#include "../ext/network.h"
#include "../ext/state.h"
#include "fake_listener.hpp"
#include "fake_loop.hpp"
#include "fake_records.hpp"
#include "json_check.hpp"

#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace agenthost::testing {

class FakeCore {
public:
    // Answers call/1. Not set: AGH_E_DENIED.
    std::function<FakeReply(std::string_view action, std::string_view params)> on_call;
    int log_level = AGH_LOG_TRACE;
    bool listener_permitted = true;
    bool log_tap_permitted = true;
    bool network_permitted = true;
    // The result of network/1 for every open request: JSON as in ext/network.h.
    std::string network_settings = "{}";
    // An error instead of the settings.
    agh_status network_status = AGH_OK;
    // A line of the "daemon's" log, for log_tap/1: {"at":..,"level":"warning","source":"..","message":".."}
    void daemon_log(int level, std::string json)
    {
        const std::scoped_lock lock{mutex_};
        daemon_log_.push_back({level, std::move(json), {}});
    }
    FakeListener listener;

protected:
    explicit FakeCore(FakeLoop::OnTask on_task) : loop_{std::move(on_task)} {}
    ~FakeCore() = default;

    struct Pending {
        std::optional<std::uint64_t> deadline_ns;
        bool cancelled = false;
        std::optional<FakeReply> reply;
        std::vector<std::string> progress;
        std::map<std::uint32_t, std::string> streams;
    };
    struct Metric {
        std::string name, type;
    };

    agh_host* self() { return reinterpret_cast<agh_host*>(this); }
    static FakeCore& of(agh_host* host) { return *reinterpret_cast<FakeCore*>(host); }
    static std::uint64_t now_ns()
    {
        return static_cast<std::uint64_t>(
            std::chrono::nanoseconds{std::chrono::steady_clock::now().time_since_epoch()}.count());
    }
    template <class T> T copy(const T& what)
    {
        const std::scoped_lock lock{mutex_};
        return what;
    }
    agh_req open(const FakeCall& how)
    {
        const std::scoped_lock lock{mutex_};
        Pending& pending = requests_[++last_];
        if (how.timeout) pending.deadline_ns = now_ns() + static_cast<std::uint64_t>(how.timeout->count());
        return last_;
    }
    std::uint64_t deadline_of(agh_req id)
    {
        const std::scoped_lock lock{mutex_};
        return requests_[id].deadline_ns.value_or(0);
    }
    void finish(agh_req id, FakeReply reply)
    {
        const std::scoped_lock lock{mutex_};
        if (requests_[id].reply)
            mistakes_.push_back("invoke() refused a request it had completed");
        else
            requests_[id].reply = std::move(reply);
        changed_.notify_all();
    }
    // The request while it waits for its answer; nullptr: finished or never existed. Under the lock.
    Pending* pending(agh_req id)
    {
        const auto found = requests_.find(id);
        return found == requests_.end() || found->second.reply ? nullptr : &found->second;
    }
    agh_status mistake(agh_status status, std::string what)
    {
        mistakes_.push_back(std::move(what));
        return status;
    }

    // --- agh_host_api ---
    static const agh_host_api* host_table()
    {
        static constexpr agh_host_api table{.size = sizeof(agh_host_api),
                                            .abi_major = AGH_ABI_MAJOR,
                                            .abi_minor = AGH_ABI_MINOR,
                                            .reserved = 0,
                                            .service = service,
                                            .complete = complete,
                                            .progress = progress_of,
                                            .stream = stream,
                                            .cancelled = is_cancelled,
                                            .drained = on_drained};
        return &table;
    }
    static agh_status complete(agh_host* host, agh_req id, const agh_reply* raw)
    {
        FakeCore& me = of(host);
        FakeReply reply{.status = raw->status,
                        .flags = raw->flags,
                        .json = std::string{to_view(raw->json)},
                        .blobs = take_blobs(raw->blobs, raw->blob_count, raw->blob_stride)};
        const std::scoped_lock lock{me.mutex_};
        Pending* const request = me.pending(id);
        if (request == nullptr)
            return me.mistake(AGH_E_STALE, "complete() for a request that is finished or never existed");
        const bool valid =
            reply.ok() ? reply.json.empty() || JsonCheck::valid(reply.json) : JsonCheck::object(reply.json);
        if (!valid) return me.mistake(AGH_E_INVALID, "a reply that is not valid JSON: " + reply.json);
        request->reply = std::move(reply);
        me.changed_.notify_all();
        return request->deadline_ns && now_ns() > *request->deadline_ns ? AGH_E_DEADLINE : AGH_OK;
    }
    static agh_status progress_of(agh_host* host, agh_req id, agh_bytes json)
    {
        FakeCore& me = of(host);
        const std::scoped_lock lock{me.mutex_};
        Pending* const request = me.pending(id);
        if (request == nullptr) return AGH_E_STALE;
        if (!JsonCheck::object(to_view(json)))
            return me.mistake(AGH_E_INVALID, "progress that is not a JSON object");
        request->progress.emplace_back(to_view(json));
        me.changed_.notify_all();
        return AGH_OK;
    }
    static agh_status stream(agh_host* host, agh_req id, std::uint32_t channel, std::uint64_t offset,
                             agh_bytes bytes)
    {
        FakeCore& me = of(host);
        const std::scoped_lock lock{me.mutex_};
        Pending* const request = me.pending(id);
        if (request == nullptr) return AGH_E_STALE;
        std::string& so_far = request->streams[channel];
        if (offset != so_far.size()) {
            return me.mistake(AGH_E_INVALID, "a stream at offset " + std::to_string(offset) + " after " +
                                                 std::to_string(so_far.size()));
        }
        if (bytes.size > me.budget_) return AGH_E_BUSY;
        me.budget_ -= bytes.size;
        so_far += to_view(bytes);
        me.changed_.notify_all();
        return AGH_OK;
    }
    static std::int32_t is_cancelled(agh_host* host, agh_req id)
    {
        FakeCore& me = of(host);
        const std::scoped_lock lock{me.mutex_};
        Pending* const request = me.pending(id);
        return request == nullptr || request->cancelled ||
                       (request->deadline_ns && now_ns() > *request->deadline_ns)
                   ? 1
                   : 0;
    }
    static void on_drained(agh_host* host)
    {
        FakeCore& me = of(host);
        const std::scoped_lock lock{me.mutex_};
        me.drained_ = true;
        me.changed_.notify_all();
    }

    // --- services ---
    static const void* service(agh_host* host, const char* id)
    {
        const std::string_view name{id};
        if (name == AGH_SVC_LOG) return &log_table;
        if (name == AGH_SVC_EVENTS) return &events_table;
        if (name == AGH_SVC_FACTS) return &facts_table;
        if (name == AGH_SVC_LOOP) return loop_service();
        if (name == AGH_SVC_STATE) return &state_table;
        if (name == AGH_SVC_METRICS) return &metrics_table;
        if (name == AGH_SVC_CALL) return &call_table;
        if (name == AGH_SVC_NETWORK && of(host).network_permitted) return &network_table;
        if (name == AGH_SVC_LISTENER && of(host).listener_permitted) return listener_service();
        if (name == AGH_SVC_LOG_TAP && of(host).log_tap_permitted) return &log_tap_table;
        return nullptr;
    }
    static std::int32_t log_enabled(agh_host* host, std::int32_t level)
    {
        return level >= of(host).log_level ? 1 : 0;
    }
    static void log_write(agh_host* host, std::int32_t level, agh_bytes message, agh_bytes fields)
    {
        FakeCore& me = of(host);
        const std::scoped_lock lock{me.mutex_};
        me.logs_.push_back({level, std::string{to_view(message)}, std::string{to_view(fields)}});
        me.changed_.notify_all();
    }
    static agh_status read_log(agh_host* host, std::int32_t level, std::uint64_t* position, char* buffer,
                               std::size_t* size, std::uint64_t* lost)
    {
        FakeCore& me = of(host);
        const std::scoped_lock lock{me.mutex_};
        if (*size < AGH_LOG_TAP_BYTES) return AGH_E_INVALID;
        std::string out;
        for (; *position < me.daemon_log_.size(); ++*position) {
            const FakeLog& line = me.daemon_log_[*position];
            if (line.level < level) continue;
            if (out.size() + line.message.size() + 1 > *size) break;
            out += line.message + "\n";
        }
        out.copy(buffer, out.size());
        *size = out.size();
        *lost = 0;
        return AGH_OK;
    }
    static agh_status emit(agh_host* host, agh_bytes topic, agh_bytes audience, agh_req origin,
                           const agh_reply* body)
    {
        FakeCore& me = of(host);
        FakeEvent event{.topic = std::string{to_view(topic)},
                        .audience = std::string{to_view(audience)},
                        .json = std::string{to_view(body->json)},
                        .origin = origin,
                        .blobs = take_blobs(body->blobs, body->blob_count, body->blob_stride)};
        const std::scoped_lock lock{me.mutex_};
        if (!event.json.empty() && !JsonCheck::valid(event.json))
            return me.mistake(AGH_E_INVALID, "an event that is not valid JSON");
        me.events_.push_back(std::move(event));
        me.changed_.notify_all();
        return AGH_OK;
    }
    static constexpr std::size_t max_fact_bytes = std::size_t{64} << 10;
    static agh_status publish(agh_host* host, agh_bytes key, agh_bytes json)
    {
        FakeCore& me = of(host);
        const std::scoped_lock lock{me.mutex_};
        if (json.size == 0)
            me.facts_.erase(std::string{to_view(key)});
        else if (json.size > max_fact_bytes)
            return me.mistake(AGH_E_BUSY, "a fact of more than 64 KiB");
        else if (!JsonCheck::valid(to_view(json)))
            return me.mistake(AGH_E_INVALID, "a fact that is not valid JSON");
        else
            me.facts_[std::string{to_view(key)}] = to_view(json);
        me.changed_.notify_all();
        return AGH_OK;
    }
    static agh_bytes directory(agh_host* host) { return to_bytes(of(host).state_.native()); }
    static agh_status define(agh_host* host, agh_bytes json, std::uint32_t* id)
    {
        FakeCore& me = of(host);
        const Metric metric{JsonCheck::member(to_view(json), "name"),
                            JsonCheck::member(to_view(json), "type")};
        const std::scoped_lock lock{me.mutex_};
        if (!JsonCheck::object(to_view(json)) || metric.name.empty())
            return me.mistake(AGH_E_INVALID, "not a metric's definition");
        const auto known = me.metric_ids_.emplace(to_view(json), me.definitions_.size());
        if (known.second) me.definitions_.push_back(metric);
        *id = static_cast<std::uint32_t>(known.first->second);
        return AGH_OK;
    }
    static void record(agh_host* host, std::uint32_t id, double value)
    {
        FakeCore& me = of(host);
        const std::scoped_lock lock{me.mutex_};
        if (id >= me.definitions_.size()) return;
        double& now = me.metrics_[me.definitions_[id].name];
        now = me.definitions_[id].type == "counter" ? now + value : value;
        me.changed_.notify_all();
    }
    static agh_status make_call(agh_host* host, agh_req, agh_bytes action, agh_bytes params, std::uint64_t,
                                void (*on_result)(void*, const agh_reply*), void* ctx)
    {
        FakeCore& me = of(host);
        if (!me.on_call) return AGH_E_DENIED;
        FakeReply reply = me.on_call(to_view(action), to_view(params));
        me.loop_.call([on_result, ctx, reply = std::move(reply)] {
            const agh_reply raw = detail::make_reply(reply.status, reply.flags, reply.json);
            on_result(ctx, &raw);
        });
        return AGH_PENDING;
    }
    static agh_status network_of(agh_host* host, agh_req origin, char* buffer, std::size_t* size)
    {
        FakeCore& me = of(host);
        const std::scoped_lock lock{me.mutex_};
        if (me.pending(origin) == nullptr) return AGH_E_STALE;
        if (*size < AGH_NETWORK_BYTES) return AGH_E_INVALID;
        if (me.network_status != AGH_OK) return me.network_status;
        me.network_settings.copy(buffer, me.network_settings.size());
        *size = me.network_settings.size();
        return AGH_OK;
    }
    static constexpr agh_svc_network network_table{sizeof(agh_svc_network), 0, network_of};
    static constexpr agh_svc_log log_table{sizeof(agh_svc_log), 0, log_enabled, log_write};
    static constexpr agh_svc_log_tap log_tap_table{sizeof(agh_svc_log_tap), 0, read_log};
    static constexpr agh_svc_events events_table{sizeof(agh_svc_events), 0, emit};
    static constexpr agh_svc_facts facts_table{sizeof(agh_svc_facts), 0, publish};
    static constexpr agh_svc_state state_table{sizeof(agh_svc_state), 0, directory};
    static constexpr agh_svc_metrics metrics_table{sizeof(agh_svc_metrics), 0, define, record};
    static constexpr agh_svc_call call_table{sizeof(agh_svc_call), 0, make_call};
    static const agh_svc_loop* loop_service()
    {
        static constexpr agh_svc_loop loop_table{
            sizeof(agh_svc_loop),
            0,
            [](agh_host* h, std::uint64_t delay, std::uint64_t period, std::uint64_t cookie, agh_task* task) {
                return of(h).loop_.timer(delay, period, cookie, task);
            },
            [](agh_host* h, std::int32_t fd, std::uint32_t events, std::uint64_t cookie, agh_task* task) {
                return of(h).loop_.watch(fd, events, cookie, task);
            },
            [](agh_host* h, std::uint64_t cookie) { return of(h).loop_.post(cookie); },
            [](agh_host* h, agh_task task) { return of(h).loop_.cancel(task); }};
        return &loop_table;
    }
    static const agh_svc_listener* listener_service()
    {
        static constexpr agh_svc_listener listener_table{
            sizeof(agh_svc_listener),
            0,
            [](agh_host* h, agh_bytes json, const agh_route_api* api, void* ctx) {
                return of(h).listener.route(to_view(json), api, ctx);
            },
            [](agh_host* h, agh_bytes name, char* buffer, std::size_t* size) {
                return of(h).listener.address(to_view(name), buffer, size);
            },
            [](agh_host* h, agh_conn conn, std::int32_t status, agh_bytes headers, const agh_blob* blob) {
                return of(h).listener.answer(conn, status, to_view(headers), blob);
            },
            [](agh_host* h, agh_conn conn, std::int32_t fd, std::uint64_t offset, std::uint64_t max) {
                return of(h).listener.receive(conn, fd, offset, max);
            },
            [](agh_host* h, agh_conn conn, agh_bytes headers, agh_bytes limits) {
                return of(h).listener.upgrade(conn, to_view(headers), to_view(limits));
            },
            [](agh_host* h, agh_conn conn, std::int32_t opcode, agh_bytes bytes) {
                return of(h).listener.send(conn, opcode, to_view(bytes));
            },
            [](agh_host* h, agh_conn conn, agh_bytes limits) {
                return of(h).listener.limits(conn, to_view(limits));
            },
            [](agh_host* h, agh_conn conn, std::int32_t on) { return of(h).listener.pause(conn, on != 0); },
            [](agh_host* h, agh_conn conn, std::int32_t code, agh_bytes reason) {
                return of(h).listener.close(conn, code, to_view(reason));
            },
            [](agh_host* h, agh_conn conn, std::int32_t status, agh_bytes headers, std::uint64_t length) {
                return of(h).listener.answer_begin(conn, status, to_view(headers), length);
            },
            [](agh_host* h, agh_conn conn, agh_bytes bytes) {
                return of(h).listener.answer_chunk(conn, to_view(bytes));
            },
            [](agh_host* h, agh_conn conn) { return of(h).listener.answer_end(conn); }};
        return &listener_table;
    }

    std::filesystem::path state_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<agh_req, Pending> requests_;
    agh_req last_ = 0;
    std::size_t budget_ = static_cast<std::size_t>(-1);
    bool drained_ = false;
    std::vector<FakeLog> logs_, daemon_log_;
    std::vector<FakeEvent> events_;
    std::map<std::string, std::string> facts_;
    std::map<std::string, std::size_t> metric_ids_;
    std::vector<Metric> definitions_;
    std::map<std::string, double> metrics_;
    std::vector<std::string> mistakes_;
    FakeLoop loop_; // its thread uses all of the above
};

} // namespace agenthost::testing
