// listener/1 for the FakeHost: the test plays the peers.
//
//     const agh_conn conn = host.listener.request("GET", "/api/agents/n1",
//                                               R"({"authorization":"Bearer x"})");
//     EXPECT_EQ(host.listener.exchange(conn).status, 200);
//
// request() finds the claimed route as the host does (exact before prefix, the longest prefix first) and
// calls on_request on this thread. A claim of kind "ws" is found by websocket(). Nothing else happens by
// itself: the test calls body(), frame(), writable() and closed().
#pragma once

#include "../bytes.hpp"
#include "../ext/listener.h"
#include "fake_records.hpp"
#include "sha256.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::testing {

class FakeListener {
public:
    struct Frame {
        int opcode = 0;
        std::string bytes;
    };
    struct Exchange {
        int status = 0; // answered with; 101: upgraded; 0: not yet
        std::string headers, body, limits;
        bool receiving = false, paused = false, closed = false;
        bool streaming = false,
             ended = false;       // an answer in pieces: begun, complete; `body` has the bytes so far
        std::uint64_t length = 0; // the body's length given to answer_begin()
        int close_code = 0;       // passed by the plugin to close()
        std::string close_reason;
        std::vector<Frame> sent;
        [[nodiscard]] bool upgraded() const { return status == 101; }
    };

    // --- the test as the peer ---
    agh_conn request(std::string_view method, std::string_view path, std::string_view headers_json = "{}",
                     std::string_view query = {}, std::string_view more_head = {})
    {
        return begin("http", method, path, headers_json, query, more_head);
    }
    agh_conn websocket(std::string_view path, std::string_view headers_json = "{}",
                       std::string_view query = {})
    {
        return begin("ws", "GET", path, headers_json, query, {});
    }
    // Delivers a part of the body requested by receive() into the descriptor; body() delivers the rest.
    // Returns on_progress's result.
    agh_status part(agh_conn conn, std::string_view bytes)
    {
        Route route{};
        std::uint64_t landed = 0;
        {
            const std::scoped_lock lock{mutex_};
            Conn& c = conns_.at(conn);
            if (!c.seen.receiving || c.fd < 0)
                throw std::runtime_error{"the plugin did not ask for a body in a descriptor"};
            if (::pwrite(c.fd, bytes.data(), bytes.size(), static_cast<::off_t>(c.offset + c.parts.size())) !=
                static_cast<::ssize_t>(bytes.size()))
                throw std::runtime_error{"cannot write to the plugin's descriptor"};
            c.parts += bytes;
            landed = c.parts.size();
            route = c.route;
        }
        return AGH_HAS(route.api, on_progress) ? route.api->on_progress(route.ctx, conn, landed)
                                               : agh_status{AGH_OK};
    }
    // Delivers the body requested by receive(): complete (status OK), too large for its max (INVALID), or cut
    // off (CLOSED).
    void body(agh_conn conn, std::string_view rest, agh_status status = AGH_OK)
    {
        Route route{};
        std::string bytes;
        int fd = -1;
        std::uint64_t offset = 0, max = 0;
        {
            const std::scoped_lock lock{mutex_};
            Conn& c = conns_.at(conn);
            if (!c.seen.receiving) throw std::runtime_error{"the plugin did not ask for a body"};
            c.seen.receiving = false;
            route = c.route, fd = c.fd, offset = c.offset, max = c.max;
            bytes = c.parts.append(rest);
        }
        if (status == AGH_OK && bytes.size() > max) status = AGH_E_INVALID;
        if (fd >= 0 && status != AGH_E_INVALID && !bytes.empty() &&
            ::pwrite(fd, bytes.data(), bytes.size(), static_cast<::off_t>(offset)) !=
                static_cast<::ssize_t>(bytes.size())) {
            throw std::runtime_error{"cannot write to the plugin's descriptor"};
        }
        const std::string sum = sha256(bytes);
        const std::string_view data = fd < 0 ? std::string_view{bytes} : std::string_view{};
        route.api->on_body(route.ctx, conn, bytes.size(), to_bytes(sum), to_bytes(data), status);
    }
    void frame(agh_conn conn, std::string_view bytes, int opcode = AGH_WS_TEXT)
    {
        const Route route = route_of(conn);
        route.api->on_frame(route.ctx, conn, opcode, to_bytes(bytes));
    }
    void writable(agh_conn conn)
    {
        const Route route = route_of(conn);
        route.api->on_writable(route.ctx, conn);
    }
    // Closes the connection, once and last: from here the plugin's calls on it return AGH_E_STALE.
    void closed(agh_conn conn, int code = 1006)
    {
        const Route route = route_of(conn);
        {
            const std::scoped_lock lock{mutex_};
            conns_.at(conn).seen.closed = true;
        }
        route.api->on_closed(route.ctx, conn, code);
    }
    // What has happened to it so far.
    Exchange exchange(agh_conn conn)
    {
        const std::scoped_lock lock{mutex_};
        return conns_.at(conn).seen;
    }
    // Waits until the plugin has done something: listener.wait(conn, [](auto& e) { return e.status != 0; }).
    template <class Condition>
    bool wait(agh_conn conn, Condition condition,
              std::chrono::milliseconds timeout = std::chrono::seconds{30})
    {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, timeout, [&] { return condition(conns_.at(conn).seen); });
    }
    // send() accepts this many more bytes, then AGH_E_BUSY.
    void send_budget(std::size_t bytes)
    {
        const std::scoped_lock lock{mutex_};
        budget_ = bytes;
    }
    std::map<std::string, std::string> addresses{{"hub", "http://127.0.0.1:3001"}}; // configured listeners

    // --- the host's side of listener/1 ---
    agh_status route(std::string_view json, const agh_route_api* api, void* ctx)
    {
        Route made{.kind = JsonCheck::member(json, "kind"),
                   .path = JsonCheck::member(json, "path"),
                   .prefix = JsonCheck::member(json, "prefix"),
                   .listener = JsonCheck::member(json, "listener"),
                   .api = api,
                   .ctx = ctx};
        if (!JsonCheck::object(json) || (made.kind != "http" && made.kind != "ws")) return AGH_E_INVALID;
        if (made.path.empty() == made.prefix.empty()) return AGH_E_INVALID;
        if (!addresses.contains(made.listener)) return AGH_E_NOT_FOUND;
        const std::scoped_lock lock{mutex_};
        for (const Route& r : routes_) {
            if (r.kind == made.kind && r.path == made.path && r.prefix == made.prefix &&
                r.listener == made.listener)
                return AGH_E_BUSY;
        }
        routes_.push_back(std::move(made));
        return AGH_OK;
    }
    agh_status address(std::string_view name, char* buffer, std::size_t* size) const
    {
        const auto found = addresses.find(std::string{name});
        if (found == addresses.end()) return AGH_E_NOT_FOUND;
        if (*size < found->second.size()) return AGH_E_INVALID;
        *size = found->second.copy(buffer, *size);
        return AGH_OK;
    }
    agh_status answer(agh_conn conn, int status, std::string_view headers, const agh_blob* blob)
    {
        std::vector<FakeBlob> taken = take_blobs(blob, blob == nullptr ? 0 : 1, sizeof(agh_blob));
        if (!JsonCheck::object(headers)) return AGH_E_INVALID;
        return change(conn, [&](Conn& c) {
            if (c.seen.status != 0) return agh_status{AGH_E_STALE};
            c.seen.status = status;
            c.seen.headers = headers;
            if (!taken.empty()) c.seen.body = std::move(taken[0].bytes);
            return agh_status{AGH_OK};
        });
    }
    agh_status answer_begin(agh_conn conn, int status, std::string_view headers, std::uint64_t length)
    {
        if (!JsonCheck::object(headers)) return AGH_E_INVALID;
        return change(conn, [&](Conn& c) {
            if (c.seen.status != 0) return agh_status{AGH_E_STALE};
            c.seen.status = status, c.seen.headers = headers, c.seen.length = length;
            c.seen.streaming = true;
            return agh_status{AGH_OK};
        });
    }
    agh_status answer_chunk(agh_conn conn, std::string_view bytes)
    {
        return change(conn, [&](Conn& c) {
            if (!c.seen.streaming || c.seen.ended) return agh_status{AGH_E_STALE};
            if (bytes.size() > budget_) return agh_status{AGH_E_BUSY};
            budget_ -= bytes.size();
            c.seen.body += bytes;
            return agh_status{AGH_OK};
        });
    }
    agh_status answer_end(agh_conn conn)
    {
        return change(conn, [&](Conn& c) {
            if (!c.seen.streaming) return agh_status{AGH_E_STALE};
            c.seen.ended = true;
            return agh_status{AGH_OK};
        });
    }
    agh_status receive(agh_conn conn, int fd, std::uint64_t offset, std::uint64_t max)
    {
        if (fd < 0 && max > 1u << 20) return AGH_E_INVALID;
        return change(conn, [&](Conn& c) {
            if (c.seen.status != 0 || c.seen.receiving) return agh_status{AGH_E_STALE};
            c.seen.receiving = true;
            c.fd = fd, c.offset = offset, c.max = max;
            return agh_status{AGH_OK};
        });
    }
    agh_status upgrade(agh_conn conn, std::string_view headers, std::string_view limits)
    {
        return change(conn, [&](Conn& c) {
            if (c.seen.status != 0) return agh_status{AGH_E_STALE};
            c.seen.status = 101;
            c.seen.headers = headers, c.seen.limits = limits;
            return agh_status{AGH_OK};
        });
    }
    agh_status send(agh_conn conn, int opcode, std::string_view bytes)
    {
        return change(conn, [&](Conn& c) {
            if (!c.seen.upgraded()) return agh_status{AGH_E_STALE};
            if (bytes.size() > budget_) return agh_status{AGH_E_BUSY};
            budget_ -= bytes.size();
            c.seen.sent.push_back({opcode, std::string{bytes}});
            return agh_status{AGH_OK};
        });
    }
    agh_status limits(agh_conn conn, std::string_view json)
    {
        return change(conn, [&](Conn& c) { return c.seen.limits = json, agh_status{AGH_OK}; });
    }
    agh_status pause(agh_conn conn, bool on)
    {
        return change(conn, [&](Conn& c) { return c.seen.paused = on, agh_status{AGH_OK}; });
    }
    agh_status close(agh_conn conn, int code, std::string_view reason)
    {
        return change(conn, [&](Conn& c) {
            return c.seen.close_code = code, c.seen.close_reason = reason, agh_status{AGH_OK};
        });
    }

private:
    struct Route {
        std::string kind, path, prefix, listener;
        const agh_route_api* api = nullptr;
        void* ctx = nullptr;
    };
    struct Conn {
        Route route;
        Exchange seen;
        int fd = -1;
        std::uint64_t offset = 0, max = 0;
        std::string parts; // of its body, so far
    };

    agh_conn begin(std::string_view kind, std::string_view method, std::string_view path,
                   std::string_view headers_json, std::string_view query, std::string_view more_head)
    {
        Route best;
        agh_conn conn = 0;
        {
            const std::scoped_lock lock{mutex_};
            for (const Route& r : routes_) {
                if (r.kind != kind) continue;
                if (r.path == path) {
                    best = r;
                    break;
                }
                if (!r.prefix.empty() && path.starts_with(r.prefix) && r.prefix.size() > best.prefix.size())
                    best = r;
            }
            if (best.api == nullptr) throw std::runtime_error{"no route for " + std::string{path}};
            conn = ++last_;
            conns_[conn].route = best;
        }
        std::string head = "{\"method\":" + json_string(method) + ",\"path\":" + json_string(path) +
                           ",\"query\":" + json_string(query) + ",\"headers\":" + std::string{headers_json} +
                           ",\"peer\":\"127.0.0.1:5000\",\"listener\":" + json_string(best.listener) +
                           ",\"tls\":false";
        if (!more_head.empty()) head.append(",").append(more_head); // e.g. "length":17
        head += '}';
        best.api->on_request(best.ctx, conn, to_bytes(head));
        return conn;
    }
    Route route_of(agh_conn conn)
    {
        const std::scoped_lock lock{mutex_};
        return conns_.at(conn).route;
    }
    template <class Do> agh_status change(agh_conn conn, Do what)
    {
        const std::scoped_lock lock{mutex_};
        const auto found = conns_.find(conn);
        if (found == conns_.end() || found->second.seen.closed) return AGH_E_STALE;
        const agh_status said = what(found->second);
        changed_.notify_all();
        return said;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Route> routes_;
    std::map<agh_conn, Conn> conns_;
    agh_conn last_ = 0;
    std::size_t budget_ = static_cast<std::size_t>(-1);
};

} // namespace agenthost::testing
