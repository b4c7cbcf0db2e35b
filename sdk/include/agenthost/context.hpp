// Gives a plugin its configuration, registers its actions, and offers the host's services. Valid from the
// plugin's constructor to the end of its destructor. Every function may be called from any thread, except
// on(): only in the constructor.
#pragma once

#include "detail/link.hpp"
#include "detail/tasks.hpp"
#include "error.hpp"
#include "ext/call.h"
#include "ext/events.h"
#include "ext/facts.h"
#include "ext/log.h"
#include "ext/loop.h"
#include "ext/metrics.h"
#include "ext/network.h"
#include "ext/state.h"
#include "request.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost {

enum class Level : std::int32_t {
    trace = AGH_LOG_TRACE,
    debug = AGH_LOG_DEBUG,
    info = AGH_LOG_INFO,
    warn = AGH_LOG_WARN,
    error = AGH_LOG_ERROR
};

// The reply to call(); valid during the callback.
struct Result {
    agh_status status = AGH_OK; // AGH_OK: json is the result; < 0: {"code","message","detail"?,"data"?}
    std::string_view json;
    const agh_reply* raw = nullptr; // its blobs; the callback must close their descriptors
};

class Context {
public:
    Context(const agh_host_api* api, agh_host* host, std::string_view config)
        : link_{api, host}, config_{config}
    {}
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    // This plugin's configuration: a JSON object the host has checked against the manifest's schema.
    [[nodiscard]] std::string_view config() const noexcept { return config_; }

    // `handler` is called with a Request for each command that names `action`, e.g. ctx.on("echo.say",
    // [](Request r) {...}), or ctx.on("storage.info", this, &Storage::info). With "concurrency" above 1 in
    // the manifest it is called from several threads.
    template <class F>
    requires std::invocable<F&, Request>
    void on(std::string action, F handler)
    {
        handlers_.push_back({std::move(action), std::make_unique<HandlerOf<F>>(std::move(handler))});
    }
    template <class T> void on(std::string action, T* object, void (T::*handler)(Request))
    {
        handlers_.push_back({std::move(action), std::make_unique<MemberOf<T>>(object, handler)});
    }

    // log/1. `fields_json` is an object: {"file_id":"f1"}. Never a secret. Check log_enabled before
    // formatting much.
    void log(Level level, std::string_view message, std::string_view fields_json = {}) const noexcept
    {
        link_.log(static_cast<int>(level), message, fields_json);
    }
    [[nodiscard]] bool log_enabled(Level level) const noexcept
    {
        return link_.log_enabled(static_cast<int>(level));
    }

    // loop/1: `fn` runs where actions do (the manifest's "run"). Task 0: the host refused it (the bound is
    // 1,024).
    using Task = std::uint64_t;
    Task timer(std::chrono::nanoseconds delay, std::chrono::nanoseconds period, Function<void()> fn)
    {
        const auto ns = [](std::chrono::nanoseconds d) {
            return static_cast<std::uint64_t>(d.count() < 0 ? 0 : d.count());
        };
        return task([fn = std::move(fn)](std::uint32_t) mutable { fn(); }, ns(period) != 0,
                    [&](const agh_svc_loop& loop, std::uint64_t cookie, agh_task* made) {
                        return loop.timer(host(), ns(delay), ns(period), cookie, made);
                    });
    }
    Task after(std::chrono::nanoseconds delay, Function<void()> fn)
    {
        return timer(delay, std::chrono::nanoseconds::zero(), std::move(fn));
    }
    // Fires once when `fd` has any of `poll_events` (POLLIN..); watch again to continue. The descriptor must
    // outlive the watch.
    Task watch(int fd, std::uint32_t poll_events, Function<void(std::uint32_t)> fn)
    {
        return task(std::move(fn), false,
                    [&](const agh_svc_loop& loop, std::uint64_t cookie, agh_task* made) {
                        return loop.watch(host(), fd, poll_events, cookie, made);
                    });
    }
    // Runs `fn` soon. 0: too many posts are waiting, and `fn` is dropped.
    Task post(Function<void()> fn)
    {
        return task([fn = std::move(fn)](std::uint32_t) mutable { fn(); }, false,
                    [&](const agh_svc_loop& loop, std::uint64_t cookie, agh_task*) {
                        return loop.post(host(), cookie);
                    });
    }
    // After it returns the task fires no more, unless it is running now.
    void cancel(Task task)
    {
        agh_task hosts = 0;
        if (!tasks_.remove(task, hosts) || hosts == 0) return;
        if (const auto* loop = service<agh_svc_loop>(AGH_SVC_LOOP)) loop->cancel(host(), hosts);
    }

    // events/1. audience: "*" every server that may use this plugin, a server's name, or "" for the server of
    // the request `origin`.
    agh_status emit(std::string_view topic, std::string_view json, std::string_view audience = "*",
                    agh_req origin = 0, std::span<const Blob> blobs = {})
    {
        std::vector<agh_blob> raw;
        raw.reserve(blobs.size());
        for (const Blob& blob : blobs) raw.push_back(detail::to_abi(blob));
        const auto* events = service<agh_svc_events>(AGH_SVC_EVENTS);
        if (events == nullptr) {
            for (const agh_blob& blob : raw) {
                if (blob.fd >= 0) ::close(blob.fd);
            }
            return AGH_E_UNSUPPORTED;
        }
        const agh_reply body = detail::make_reply(AGH_OK, 0, json, raw);
        return events->emit(host(), to_bytes(topic), to_bytes(audience), origin, &body);
    }
    // facts/1: a retained value; empty json removes it.
    agh_status publish(std::string_view key, std::string_view json) const noexcept
    {
        const auto* facts = service<agh_svc_facts>(AGH_SVC_FACTS);
        return facts == nullptr ? AGH_E_UNSUPPORTED : facts->publish(host(), to_bytes(key), to_bytes(json));
    }
    // state/1: a private directory that exists, mode 0700, no trailing slash; empty if the host has none.
    [[nodiscard]] std::string_view state_directory() const noexcept
    {
        const auto* state = service<agh_svc_state>(AGH_SVC_STATE);
        return state == nullptr ? std::string_view{} : to_view(state->directory(host()));
    }
    // network/1: the settings of the server that sent the request `origin`, as JSON that contains a secret
    // (see ext/network.h). "{}": no server sent it. nullopt: the manifest lacks the permission, or the host
    // has no network/1. Throws Error (NETWORK_ERROR) if they cannot be read: do not transfer then, because
    // the transfer would bypass the server's proxy; the request can be tried again.
    [[nodiscard]] std::optional<std::string> network_settings(agh_req origin) const
    {
        const auto* network = service<agh_svc_network>(AGH_SVC_NETWORK);
        if (network == nullptr) return std::nullopt;
        std::string json(AGH_NETWORK_BYTES, '\0');
        std::size_t size = json.size();
        const agh_status status = network->settings(host(), origin, json.data(), &size);
        if (status != AGH_OK)
            throw Error{"NETWORK_ERROR",
                        "the agent could not read its proxy and TLS settings of the server that sent this (" +
                            std::string{status_name(status)} +
                            "); nothing was transferred, so that no proxy is bypassed. Send the command again.",
                        status};
        json.resize(size);
        return json;
    }
    // metrics/1: define once, record often. nullopt: over a bound or an invalid definition (see
    // ext/metrics.h).
    [[nodiscard]] std::optional<std::uint32_t> metric(std::string_view definition_json) const noexcept
    {
        const auto* metrics = service<agh_svc_metrics>(AGH_SVC_METRICS);
        std::uint32_t id = 0;
        if (metrics == nullptr || metrics->define(host(), to_bytes(definition_json), &id) != AGH_OK)
            return std::nullopt;
        return id;
    }
    void record(std::uint32_t metric, double value) const noexcept
    {
        if (const auto* metrics = service<agh_svc_metrics>(AGH_SVC_METRICS))
            metrics->record(host(), metric, value);
    }
    // call/1: calls another plugin's action, under the allow list of `parent` or this manifest's permissions.
    // AGH_PENDING: `fn` runs exactly once; otherwise the call was refused and `fn` never runs. timeout 0: the
    // parent's deadline.
    agh_status call(std::string_view action, std::string_view params, std::chrono::nanoseconds timeout,
                    Function<void(const Result&)> fn, agh_req parent = 0)
    {
        const auto* calls = service<agh_svc_call>(AGH_SVC_CALL);
        if (calls == nullptr) return AGH_E_UNSUPPORTED;
        struct Waiting {
            detail::Link* link;
            Function<void(const Result&)> fn;
        };
        auto waiting = std::make_unique<Waiting>(Waiting{&link_, std::move(fn)});
        const auto on_result = [](void* ctx, const agh_reply* reply) noexcept {
            const std::unique_ptr<Waiting> mine{static_cast<Waiting*>(ctx)};
            try {
                mine->fn({.status = reply->status, .json = to_view(reply->json), .raw = reply});
            } catch (...) {
                mine->link->log_exception("the callback of call()");
            }
        };
        const agh_status said =
            calls->call(host(), parent, to_bytes(action), to_bytes(params),
                        static_cast<std::uint64_t>(timeout.count()), on_result, waiting.get());
        if (said == AGH_PENDING) (void)waiting.release(); // on_result's now; it may have run already
        return said;
    }

    // Reports that no request is left. The wrapper calls it by itself, after drain(), when every Request has
    // been answered.
    void drained() noexcept { link_.report_drained(); }

    // Any service's table by id; nullptr: absent, not permitted, or smaller than T.
    template <class T> [[nodiscard]] const T* service(const char* id) const noexcept
    {
        const auto* table = static_cast<const T*>(link_.api->service(link_.host, id));
        return table != nullptr && table->size >= sizeof(T) ? table : nullptr;
    }
    [[nodiscard]] const agh_host_api* host_api() const noexcept { return link_.api; }
    [[nodiscard]] agh_host* host() const noexcept { return link_.host; }

    // Kept until after destroy() has returned: for tables and contexts that the host may still be calling
    // into.
    void keep(std::shared_ptr<void> what) { kept_->push_back(std::move(what)); }

    // For the entry points, not for authors.
    struct Handler {
        virtual ~Handler() = default;
        virtual void run(detail::Link&, const agh_request&) = 0;
    };
    [[nodiscard]] Handler* handler(std::string_view action) const noexcept
    {
        for (const Action& known : handlers_) { // a handful: faster than any table
            if (known.name == action) return known.handler.get();
        }
        return nullptr;
    }
    [[nodiscard]] detail::Link& link() noexcept { return link_; }
    [[nodiscard]] detail::Tasks& tasks() noexcept { return tasks_; }
    [[nodiscard]] std::shared_ptr<std::vector<std::shared_ptr<void>>> kept() const { return kept_; }

private:
    // The Request is constructed as the handler's parameter: it is not moved, so nothing is copied
    // (request.hpp).
    template <class F> struct HandlerOf final : Handler {
        explicit HandlerOf(F f) : f{std::move(f)} {}
        void run(detail::Link& link, const agh_request& raw) override { f(Request{link, raw}); }
        F f;
    };
    template <class T> struct MemberOf final : Handler {
        MemberOf(T* object, void (T::*member)(Request)) : object{object}, member{member} {}
        void run(detail::Link& link, const agh_request& raw) override
        {
            (object->*member)(Request{link, raw});
        }
        T* object;
        void (T::*member)(Request);
    };
    struct Action {
        std::string name;
        std::unique_ptr<Handler> handler;
    };

    template <class Ask> Task task(Function<void(std::uint32_t)> fn, bool periodic, Ask ask)
    {
        const auto* loop = service<agh_svc_loop>(AGH_SVC_LOOP);
        if (loop == nullptr) return 0;
        const Task cookie = tasks_.add(std::move(fn), periodic);
        agh_task made = 0;
        if (ask(*loop, cookie, &made) < 0) {
            tasks_.remove(cookie, made);
            return 0;
        }
        tasks_.set_task(cookie, made);
        return cookie;
    }

    detail::Link link_;
    std::string config_;
    std::vector<Action> handlers_;
    detail::Tasks tasks_;
    std::shared_ptr<std::vector<std::shared_ptr<void>>> kept_ =
        std::make_shared<std::vector<std::shared_ptr<void>>>();
};

} // namespace agenthost
