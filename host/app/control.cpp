#include "control.hpp"

#include "loop_watch.hpp"
#include "status.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"
#include "base/json_depth.hpp"
#include "base/json_writer.hpp"
#include "host/dispatch/dispatcher.hpp"
#include "host/listener/listener.hpp"
#include "host/observe/log.hpp"

#include <agenthost/json.hpp>
#include <boost/asio/dispatch.hpp>
#include <nlohmann/json.hpp>

#include <map>

namespace agenthost::host {

namespace asio = boost::asio;
using json = nlohmann::json;

namespace {

constexpr std::size_t body_bytes = 1 << 20;
constexpr std::size_t max_calls = 64;
constexpr const char* json_headers = R"({"content-type":"application/json"})";

std::string_view view(agh_bytes b) { return {static_cast<const char*>(b.data), b.size}; }

std::string error_body(std::string_view code, std::string_view message)
{
    return json{{"error", {{"code", code}, {"message", message}}}}.dump(-1, ' ', false,
                                                                        json::error_handler_t::replace) +
           "\n";
}

std::string dumped(const json& value)
{
    return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

// A plugin's JSON was validated when it arrived, so it is inserted unchanged.
std::string line_of(const wire::Result& result)
{
    const wire::Error& error = result.error;
    std::string line;
    base::JsonWriter writer{line};
    writer.object().object("result");
    if (result.outcome == wire::Outcome::success) {
        writer.member("status", "success");
        writer.member("data", base::RawJson{result.data.empty() ? "null" : result.data}).end().end();
        return line += '\n';
    }
    writer.member("status", "error").member("code", error.code).member("message", error.message);
    if (!error.detail.empty()) writer.member("detail", error.detail);
    if (!error.data.empty()) writer.member("data", base::RawJson{error.data});
    writer.end().end();
    return line += '\n';
}

} // namespace

// Makes the CLI's calls, all as one caller named "control". A call without an id gets a random one, so that
// effects are journalled as for any other caller.
class ControlCaller final : public Caller {
public:
    ControlCaller(Listeners& listeners, Dispatcher& dispatcher)
        : listeners_{listeners}, dispatcher_{dispatcher}
    {
        policy_.name = "control";
        policy_.allow = std::vector<std::string>{"*"};
        policy_.messages_per_second = 0; // no limit for the owner of the machine
        policy_.by_operator = true;
    }
    void set_cancel_grace(std::chrono::milliseconds grace) { policy_.cancel_grace = grace; }

    [[nodiscard]] const Policy& policy() const override { return policy_; }
    [[nodiscard]] bool connected() const override { return true; }

    void call(agh_conn conn, const json& request)
    {
        if (calls_.size() >= max_calls)
            return refuse(conn, 503, "BUSY", "64 calls are running: wait for one to end");
        const auto action = request.value("action", "");
        const auto params = request.contains("params") ? request["params"].dump() : std::string{"{}"};
        auto id = request.value("id", "");
        if (action.empty())
            return refuse(conn, 400, "INVALID_REQUEST",
                          R"(the body needs "action", e.g. {"action":"host.ping"})");
        const auto timeout =
            request.contains("timeout_ms") ? json_unsigned(request["timeout_ms"]) : std::nullopt;
        if (request.contains("timeout_ms") && !timeout)
            return refuse(conn, 400, "INVALID_REQUEST", "timeout_ms must be a whole number of milliseconds");
        if (id.empty()) id = "cli-" + base::random_token(12);
        if (by_id(id) != calls_.end())
            return refuse(conn, 409, "ID_REUSED", "a call with this id is running on another connection");
        if (listeners_.answer_begin(conn, 200, R"({"content-type":"application/x-ndjson"})") != AGH_OK)
            return;
        calls_[conn] = {.id = id, .waiting = {}, .ended = false};
        wire::Command command{.id = id, .action = action, .params = params, .target = {}, .timeout = {}};
        if (timeout) command.timeout = std::chrono::milliseconds{*timeout};
        dispatcher_.submit(*this, command);
    }

    void closed(agh_conn conn)
    {
        const auto at = calls_.find(conn);
        if (at == calls_.end()) return;
        const bool running = !at->second.ended;
        const auto id = at->second.id;
        calls_.erase(at);
        if (running) dispatcher_.cancel(*this, id); // no reader is left
    }

    void writable(agh_conn conn)
    {
        const auto at = calls_.find(conn);
        if (at == calls_.end()) return;
        auto& call = at->second;
        if (!call.waiting.empty()) {
            if (listeners_.answer_chunk(conn, call.waiting) == AGH_E_BUSY) return;
            call.waiting.clear();
        }
        if (call.ended)
            listeners_.answer_end(conn);
        else
            dispatcher_.writable(*this);
    }

    bool on_result(const wire::Result& result, std::uint64_t outbox) override
    {
        // Delivered even if the connection is gone: it has no later session that could receive the result.
        if (outbox) dispatcher_.delivered(*this, outbox);
        const auto at = by_id(result.id);
        if (at == calls_.end()) return true;
        at->second.ended = true;
        send(at, line_of(result), true);
        if (at->second.waiting.empty()) listeners_.answer_end(at->first);
        return true;
    }

    void on_progress(const wire::Progress& progress) override
    {
        const auto at = by_id(progress.id);
        if (at != calls_.end())
            send(at, base::json_object("progress", base::RawJson{progress.json}) + '\n', false);
    }

    bool on_stream(const wire::Stream& stream) override
    {
        const auto at = by_id(stream.id);
        if (at == calls_.end()) return true; // the connection is gone; the command is being cancelled
        if (!at->second.waiting.empty()) return false;
        std::string line;
        base::JsonWriter{line}
            .object()
            .object("stream")
            .member("channel", stream.channel)
            .member("offset", stream.offset)
            .member("base64", base::base64(stream.bytes))
            .end()
            .end();
        return send(at, line += '\n', false);
    }

    bool on_event(const wire::Event&) override { return false; }

private:
    struct Call {
        // `waiting`: the line that a slow reader has not accepted yet.
        std::string id, waiting;
        bool ended = false;
    };
    using Calls = std::map<agh_conn, Call>;

    Calls::iterator by_id(std::string_view id)
    {
        return std::find_if(calls_.begin(), calls_.end(), [&](const auto& c) { return c.second.id == id; });
    }

    bool send(Calls::iterator at, std::string line, bool keep)
    {
        if (at->second.waiting.empty() && listeners_.answer_chunk(at->first, line) != AGH_E_BUSY) return true;
        if (keep) at->second.waiting += line;
        return false;
    }

    void refuse(agh_conn conn, int status, std::string_view code, std::string_view message)
    {
        const auto body = error_body(code, message);
        agh_blob blob{};
        blob.size = sizeof blob;
        blob.fd = -1;
        blob.inl = {body.data(), body.size()};
        listeners_.answer(conn, status, json_headers, &blob);
    }

    Listeners& listeners_;
    Dispatcher& dispatcher_;
    Policy policy_;
    Calls calls_;
};

struct Control::Impl : std::enable_shared_from_this<Control::Impl> {
    Impl(asio::any_io_executor main, Listeners& listeners, Dispatcher& dispatcher, ControlHooks hooks)
        : main{std::move(main)}, listeners{listeners}, hooks{std::move(hooks)},
          caller{std::make_shared<ControlCaller>(listeners, dispatcher)}
    {
        dispatcher.attach(caller);
    }

    asio::any_io_executor main;
    Listeners& listeners;
    ControlHooks hooks;
    std::shared_ptr<ControlCaller> caller;
    std::map<agh_conn, std::string> waiting_body; // conn -> path

    // Both sets of routes share one callback table; the context tells them apart.
    struct Context {
        Impl* self;
        bool metrics_only;
    };
    std::vector<std::unique_ptr<Context>> contexts;

    void answer(agh_conn conn, int status, const std::string& body, const char* headers = json_headers)
    {
        agh_blob blob{};
        blob.size = sizeof blob;
        blob.fd = -1;
        blob.inl = {body.data(), body.size()};
        listeners.answer(conn, status, headers, &blob);
    }

    struct RequestLine {
        std::string method, path;
        [[nodiscard]] bool get() const { return method == "GET" || method == "HEAD"; }
    };

    // Runs on the connection's thread, so it works even if the daemon's other loops are blocked. Returns true
    // if it has answered.
    bool answer_here(agh_conn conn, const std::string& head_text, RequestLine& line)
    {
        const auto head = base::parse_json<json>(head_text);
        if (!head.is_object()) {
            answer(conn, 400, error_body("INVALID_REQUEST", "the request's head cannot be read"));
            return true;
        }
        line = {.method = head.value("method", ""), .path = head.value("path", "")};
        const bool health = line.get() && line.path == "/healthz";
        const auto stalled = hooks.stalled();
        if (!stalled && !health) return false;
        constexpr const char* plain = R"({"content-type":"text/plain"})";
        if (!stalled)
            answer(conn, 200, "ok\n", plain);
        else if (health)
            answer(conn, 503, "an event loop has stood still for " + seconds_text(*stalled) + "\n", plain);
        else
            answer(conn, 503,
                   error_body("BUSY",
                              "the daemon's event loop has stood still for " + seconds_text(*stalled) +
                                  ": a plugin or the disk blocks it. Its log may say which; restart it if "
                                  "it does not come back"));
        return true;
    }

    void request(agh_conn conn, const RequestLine& line, bool metrics_only)
    {
        const auto& [method, path] = line;
        const bool get = line.get();
        if (get && path == "/readyz") {
            std::string body = hooks.ready() ? "ready\n" : "not ready\n";
            for (const auto& c : hooks.conditions()) body += c.text() + "\n";
            return answer(conn, hooks.ready() ? 200 : 503, body, R"({"content-type":"text/plain"})");
        }
        if (get && path == "/metrics")
            return answer(conn, 200, hooks.metrics(), R"({"content-type":"text/plain; version=0.0.4"})");
        if (!metrics_only) {
            if (get && path == "/v1/status") return answer(conn, 200, hooks.status() + "\n");
            if (get && path == "/v1/plugins") return answer(conn, 200, hooks.plugins() + "\n");
            if (get && path == "/v1/health")
                return answer(conn, 200, health_json(hooks.conditions(), hooks.ready()) + "\n");
            if (method == "POST" && path == "/v1/reload") return reload(conn);
            if (method == "POST" && (path == "/v1/call" || path == "/v1/reconnect")) {
                waiting_body[conn] = path;
                if (listeners.receive(conn, -1, 0, body_bytes) != AGH_OK) waiting_body.erase(conn);
                return;
            }
        }
        answer(conn, 404, error_body("NOT_FOUND", "no " + method + " " + path + " here"));
    }

    void reload(agh_conn conn)
    {
        hooks.reload([self = shared_from_this(), conn](const Reloaded& done) {
            if (done.problems.empty())
                self->answer(conn, 200,
                             dumped(json{{"ok", done.failed.empty()},
                                         {"changes", done.changes},
                                         {"notices", done.notices},
                                         {"failed", done.failed}}));
            else
                self->answer(conn, 422, dumped(json{{"problems", done.problems}}));
        });
    }

    void body(agh_conn conn, const std::string& text, agh_status status)
    {
        const auto at = waiting_body.find(conn);
        if (at == waiting_body.end()) return;
        const auto path = at->second;
        waiting_body.erase(at);
        if (status != AGH_OK) return; // the host has already answered
        try {
            // One level more than parameters may have, because they are a member of the body.
            if (!base::json_depth_ok(text, base::max_json_depth + 1))
                throw std::invalid_argument{"nested more than " + std::to_string(base::max_json_depth) +
                                            " levels deep"};
            const json request = json::parse(text);
            if (!request.is_object()) throw std::invalid_argument{"not an object"};
            if (path == "/v1/call") {
                if (hooks.cancel_grace) caller->set_cancel_grace(hooks.cancel_grace());
                return caller->call(conn, request);
            }
            const auto name = request.value("name", "");
            if (hooks.reconnect(name)) return answer(conn, 200, "{\"ok\":true}\n");
            answer(conn, 404,
                   error_body("NOT_FOUND", "no server named \"" + name +
                                               "\" in the configuration; `agenthost status` lists them"));
        } catch (const std::exception& e) {
            answer(conn, 400,
                   error_body("INVALID_REQUEST",
                              std::string{"the body is not what "} + path + " takes: " + e.what()));
        }
    }

    // Callbacks run on the connection's thread, but the state of this class belongs to the main thread.
    template <typename F> static void on_main(void* ctx, F work)
    {
        auto* context = static_cast<Context*>(ctx);
        asio::dispatch(context->self->main,
                       [self = context->self->shared_from_this(), only = context->metrics_only,
                        work = std::move(work)]() mutable { work(*self, only); });
    }

    static const agh_route_api* api()
    {
        static const agh_route_api table = {
            .size = sizeof(agh_route_api),
            .reserved = 0,
            .on_request =
                [](void* ctx, agh_conn conn, agh_bytes head) {
                    RequestLine line;
                    if (static_cast<Context*>(ctx)->self->answer_here(conn, std::string{view(head)}, line))
                        return;
                    on_main(ctx, [conn, line = std::move(line)](Impl& self, bool only) {
                        self.request(conn, line, only);
                    });
                },
            .on_body =
                [](void* ctx, agh_conn conn, std::uint64_t, agh_bytes, agh_bytes data, agh_status status) {
                    on_main(ctx, [conn, data = std::string{view(data)}, status](Impl& self, bool) {
                        self.body(conn, data, status);
                    });
                },
            .on_frame = [](void*, agh_conn, std::int32_t, agh_bytes) {},
            .on_writable =
                [](void* ctx, agh_conn conn) {
                    on_main(ctx, [conn](Impl& self, bool) { self.caller->writable(conn); });
                },
            .on_closed =
                [](void* ctx, agh_conn conn, std::int32_t) {
                    on_main(ctx, [conn](Impl& self, bool) {
                        self.waiting_body.erase(conn);
                        self.caller->closed(conn);
                    });
                },
        };
        return &table;
    }
};

Control::Control(asio::any_io_executor main, Listeners& listeners, Dispatcher& dispatcher, ControlHooks hooks)
    : impl_{std::make_shared<Impl>(std::move(main), listeners, dispatcher, std::move(hooks))}
{}

Control::~Control() = default;

void Control::serve(const std::string& listener, bool metrics_only)
{
    impl_->contexts.push_back(std::make_unique<Impl::Context>(Impl::Context{impl_.get(), metrics_only}));
    const auto route = json{{"listener", listener}, {"kind", "http"}, {"prefix", "/"}}.dump();
    const auto status = impl_->listeners.route("host", route, Impl::api(), impl_->contexts.back().get());
    if (status != AGH_OK)
        log::error("control",
                   "cannot claim the routes of " + listener + ": status " + std::to_string(status));
}

} // namespace agenthost::host
