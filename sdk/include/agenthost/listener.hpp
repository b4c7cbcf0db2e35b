// listener/1 in C++: claims paths and answers their requests. Needs "permissions": {"listener": true} and
// isolation in-process.
//
//     class Hello : public agenthost::RouteHandler {
//         void on_request(agh_conn conn, std::string_view) override
//         {
//             listener.answer(conn, 200, "{}", "hello");
//         }
//         ...
//     listener.route(R"({"listener":"hub","kind":"http","path":"/hello"})", hello);
//
// The rules of an exchange are in ext/listener.h. Callbacks of one agh_conn never overlap. An exception in
// on_request or on_body answers 500, in on_frame closes with 1011; it is logged.
#pragma once

#include "context.hpp"
#include "ext/listener.h"

#include <atomic>
#include <cstddef>
#include <shared_mutex>

namespace agenthost {

// Handles the requests of a claimed path. [io]: must not block.
class RouteHandler {
public:
    virtual ~RouteHandler() = default;
    virtual void on_request(agh_conn, std::string_view head_json) = 0;
    struct Body {
        agh_status status =
            AGH_OK; // AGH_E_INVALID: refused, the host has answered; AGH_E_CLOSED: the peer left
        std::uint64_t length = 0;
        std::string_view sha256; // 32 raw bytes
        std::string_view data;   // what was received into memory
    };
    virtual void on_body(agh_conn, const Body&) {}
    // `landed` bytes of a body are in the descriptor. Return AGH_OK to continue; anything else rejects the
    // rest.
    virtual agh_status on_progress(agh_conn, std::uint64_t landed) { return (void)landed, AGH_OK; }
    virtual void on_frame(agh_conn, int opcode, std::string_view bytes) { (void)opcode, (void)bytes; }
    virtual void on_writable(agh_conn) {}
    virtual void on_closed(agh_conn, int code) { (void)code; }
};

// Make it a member, after everything its handlers use: its destructor waits for running callbacks and
// prevents new ones.
class Listener {
public:
    explicit Listener(Context& context)
        : context_{context}, api_{reinterpret_cast<const agh_svc_listener*>(
                                 context.service<Oldest>(AGH_SVC_LISTENER))},
          gate_{std::make_shared<Gate>()}
    {
        context.keep(gate_);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener()
    {
        const std::scoped_lock lock{gate_->mutex};
        gate_->open = false;
    }

    // False: not permitted by the manifest, or in a runner. Then every function below returns
    // AGH_E_UNSUPPORTED.
    [[nodiscard]] bool available() const noexcept { return api_ != nullptr; }

    // Claims a path, from the constructor or start(). AGH_E_BUSY: taken; AGH_E_NOT_FOUND: no such listener
    // configured.
    agh_status route(std::string_view route_json, RouteHandler& handler)
    {
        if (api_ == nullptr) return AGH_E_UNSUPPORTED;
        auto binding = std::make_shared<Binding>(Binding{gate_, api_, &context_, &handler});
        context_.keep(binding);
        return api_->route(context_.host(), to_bytes(route_json), &table, binding.get());
    }
    // "https://127.0.0.1:3001"; empty when there is no such listener.
    [[nodiscard]] std::string address(std::string_view listener) const
    {
        std::string text(256, '\0');
        std::size_t size = text.size();
        if (api_ == nullptr ||
            api_->address(context_.host(), to_bytes(listener), text.data(), &size) != AGH_OK)
            return {};
        text.resize(size);
        return text;
    }

    agh_status answer(agh_conn conn, int status, std::string_view headers_json = "{}",
                      std::string_view body = {}) noexcept
    {
        const agh_blob blob = detail::to_abi({.data = body});
        if (api_ == nullptr) return AGH_E_UNSUPPORTED;
        return api_->answer(context_.host(), conn, status, to_bytes(headers_json),
                            body.empty() ? nullptr : &blob);
    }
    // The host takes ownership of the descriptor, even if this fails.
    agh_status answer_file(agh_conn conn, int status, std::string_view headers_json, int fd,
                           std::uint64_t offset, std::uint64_t length) noexcept
    {
        const agh_blob blob = detail::to_abi({.fd = fd, .offset = offset, .length = length});
        if (api_ == nullptr) {
            ::close(fd);
            return AGH_E_UNSUPPORTED;
        }
        return api_->answer(context_.host(), conn, status, to_bytes(headers_json), &blob);
    }
    // Sends the body in pieces; `length`: size of the whole body, UINT64_MAX if unknown.
    agh_status answer_begin(agh_conn conn, int status, std::string_view headers_json,
                            std::uint64_t length) noexcept
    {
        return AGH_HAS(api_, answer_begin)
                   ? api_->answer_begin(context_.host(), conn, status, to_bytes(headers_json), length)
                   : AGH_E_UNSUPPORTED;
    }
    // AGH_E_BUSY: nothing was accepted; on_writable follows.
    agh_status answer_chunk(agh_conn conn, std::string_view bytes) noexcept
    {
        return AGH_HAS(api_, answer_chunk) ? api_->answer_chunk(context_.host(), conn, to_bytes(bytes))
                                           : AGH_E_UNSUPPORTED;
    }
    agh_status answer_end(agh_conn conn) noexcept
    {
        return AGH_HAS(api_, answer_end) ? api_->answer_end(context_.host(), conn) : AGH_E_UNSUPPORTED;
    }
    // Receives the body into `fd`, which the caller owns and must keep open until on_body.
    agh_status receive(agh_conn conn, int fd, std::uint64_t offset, std::uint64_t max) noexcept
    {
        return api_ == nullptr ? AGH_E_UNSUPPORTED : api_->receive(context_.host(), conn, fd, offset, max);
    }
    // Receives the body into memory: at most 1 MiB.
    agh_status receive(agh_conn conn, std::uint64_t max) noexcept { return receive(conn, -1, 0, max); }

    agh_status upgrade(agh_conn conn, std::string_view headers_json, std::string_view limits_json) noexcept
    {
        if (api_ == nullptr) return AGH_E_UNSUPPORTED;
        return api_->upgrade(context_.host(), conn, to_bytes(headers_json), to_bytes(limits_json));
    }
    // AGH_E_BUSY: the send queue is full and nothing was accepted; on_writable follows.
    agh_status send(agh_conn conn, int opcode, std::string_view message) noexcept
    {
        return api_ == nullptr ? AGH_E_UNSUPPORTED
                               : api_->send(context_.host(), conn, opcode, to_bytes(message));
    }
    agh_status send_text(agh_conn conn, std::string_view text) noexcept
    {
        return send(conn, AGH_WS_TEXT, text);
    }
    agh_status limits(agh_conn conn, std::string_view limits_json) noexcept
    {
        return api_ == nullptr ? AGH_E_UNSUPPORTED
                               : api_->limits(context_.host(), conn, to_bytes(limits_json));
    }
    agh_status pause(agh_conn conn, bool on) noexcept
    {
        return api_ == nullptr ? AGH_E_UNSUPPORTED : api_->pause(context_.host(), conn, on ? 1 : 0);
    }
    agh_status close(agh_conn conn, int code, std::string_view reason = {}) noexcept
    {
        return api_ == nullptr ? AGH_E_UNSUPPORTED
                               : api_->close(context_.host(), conn, code, to_bytes(reason));
    }

private:
    struct Gate {
        std::shared_mutex mutex;
        bool open = true;
    };
    struct Binding {
        std::shared_ptr<Gate> gate;
        const agh_svc_listener* api;
        Context* context;
        RouteHandler* handler;
    };

    // Runs `call` with the handler unless the Listener is gone; after an exception, `rescue`.
    template <class Call, class Rescue> static void with(void* ctx, Call call, Rescue rescue) noexcept
    {
        Binding& binding = *static_cast<Binding*>(ctx);
        const std::shared_lock lock{binding.gate->mutex};
        if (!binding.gate->open) return;
        try {
            call(*binding.handler);
        } catch (...) {
            binding.context->link().log_exception("a callback of the listener");
            rescue(*binding.api, binding.context->host());
        }
    }
    static void on_request(void* ctx, agh_conn conn, agh_bytes head) noexcept
    {
        with(
            ctx, [&](RouteHandler& h) { h.on_request(conn, to_view(head)); },
            [&](auto& api, agh_host* host) { api.answer(host, conn, 500, to_bytes("{}"), nullptr); });
    }
    static void on_body(void* ctx, agh_conn conn, std::uint64_t length, agh_bytes sha256, agh_bytes data,
                        agh_status status) noexcept
    {
        const RouteHandler::Body body{
            .status = status, .length = length, .sha256 = to_view(sha256), .data = to_view(data)};
        with(
            ctx, [&](RouteHandler& h) { h.on_body(conn, body); },
            [&](auto& api, agh_host* host) { api.answer(host, conn, 500, to_bytes("{}"), nullptr); });
    }
    static void on_frame(void* ctx, agh_conn conn, std::int32_t opcode, agh_bytes bytes) noexcept
    {
        with(
            ctx, [&](RouteHandler& h) { h.on_frame(conn, opcode, to_view(bytes)); },
            [&](auto& api, agh_host* host) { api.close(host, conn, 1011, to_bytes("internal error")); });
    }
    static void on_writable(void* ctx, agh_conn conn) noexcept
    {
        with(
            ctx, [&](RouteHandler& h) { h.on_writable(conn); }, [](auto&, agh_host*) {});
    }
    static agh_status on_progress(void* ctx, agh_conn conn, std::uint64_t landed) noexcept
    {
        agh_status status = AGH_OK;
        with(
            ctx, [&](RouteHandler& h) { status = h.on_progress(conn, landed); },
            [&](auto&, agh_host*) { status = AGH_E_INTERNAL; });
        return status;
    }
    static void on_closed(void* ctx, agh_conn conn, std::int32_t code) noexcept
    {
        with(
            ctx, [&](RouteHandler& h) { h.on_closed(conn, code); }, [](auto&, agh_host*) {});
    }
    static constexpr agh_route_api table{.size = sizeof(agh_route_api),
                                         .reserved = 0,
                                         .on_request = on_request,
                                         .on_body = on_body,
                                         .on_frame = on_frame,
                                         .on_writable = on_writable,
                                         .on_closed = on_closed,
                                         .on_progress = on_progress};

    // The table of older hosts, which cannot answer in pieces; AGH_HAS checks for that.
    struct Oldest {
        std::uint32_t size, reserved;
        void (*functions[9])();
    };
    static_assert(sizeof(Oldest) == offsetof(agh_svc_listener, answer_begin));

    Context& context_;
    const agh_svc_listener* const api_;
    std::shared_ptr<Gate> gate_;
};

} // namespace agenthost
