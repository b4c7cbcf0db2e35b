// Serves inbound HTTP/1.1 and WebSocket: accept, TLS, limits, timeouts, bodies directly to descriptors.
// Routes belong to plugins (ext/listener.h) or to the host itself (control socket, metrics) through the same
// table. Any thread; owned by host/app.
#pragma once

#include "host/config/config.hpp"
#include "netclient/tls_renewal.hpp"

#include <agenthost/ext/listener.h>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

struct ListenerStatus {
    // "https://127.0.0.1:3001"; unix sockets: "unix:/run/agenthost/control.sock". Of several sockets the one
    // that other machines are most likely to reach; `addresses` has all of them.
    std::string name, address;
    std::vector<std::string> addresses{};
    std::uint64_t connections = 0, accepted = 0, refused = 0, requests = 0, websockets = 0;
    // Why its changed certificate files cannot be used; the certificate read before is served. Empty: they
    // can.
    std::string tls_problem{};
};

// The loaded files of a listener's `tls`. Without `tls`: neither a context nor a problem.
struct ListenerTls {
    std::shared_ptr<netclient::RenewedTls> tls;
    std::string problem;
};

class Listeners {
public:
    // io: connections are distributed over these contexts and stay on theirs. A small pool does disk access
    // for bodies, never the I/O threads.
    explicit Listeners(std::vector<boost::asio::io_context*> io);
    // Closes all sockets and connections.
    ~Listeners();

    // Binds now; returns empty on success. Accepts only after open(). A problem has address, cause and
    // remedy.
    std::string add(const ListenerConfig& config) { return add(config, read_tls(config)); }
    std::string add(const ListenerConfig&, ListenerTls);
    // The socket has mode 0600; a stale socket file is replaced.
    std::string add_unix(const std::string& name, const std::string& path);
    // Starts accepting. Call it once plugins have added their routes.
    void open();
    std::string remove(std::string_view name);
    // New limits and certificate for new connections; sockets are opened and closed as `bind` lists them now.
    std::string reload(const ListenerConfig& config) { return reload(config, read_tls(config)); }
    std::string reload(const ListenerConfig&, ListenerTls);
    // Blocking, any thread.
    static ListenerTls read_tls(const ListenerConfig&);
    // New connections use renewed certificate files without a reload. `said` is called for each renewal (with
    // an empty problem) and for files that cannot be used yet, on a thread of the disk pool; set it before
    // open().
    void on_renewal(std::function<void(const std::string& listener, const std::string& problem)> said);
    // Checks the certificate files of listeners to which nobody connects, so that status() reports them too.
    // Does not block. Call it every second, after open().
    void check_certificates();

    // As agh_svc_listener; `owner` is the plugin's id or "host". forget() drops an owner's routes and
    // connections, and returns after its last callback has returned (not from an I/O thread).
    agh_status route(std::string_view owner, std::string_view json, const agh_route_api*, void* ctx);
    void forget(std::string_view owner);
    // Empty: unknown.
    std::string address(std::string_view listener) const;
    agh_status answer(agh_conn, int status, std::string_view headers_json, const agh_blob*);
    agh_status receive(agh_conn, int fd, std::uint64_t offset, std::uint64_t max);
    agh_status upgrade(agh_conn, std::string_view headers_json, std::string_view limits_json);
    agh_status send(agh_conn, int opcode, std::string_view);
    agh_status limits(agh_conn, std::string_view json);
    agh_status pause(agh_conn, bool on);
    agh_status close(agh_conn, int code, std::string_view reason);

    // Streamed answers: pieces of one HTTP body; chunked if its length is unknown. BUSY if the peer is
    // slow.
    static constexpr std::uint64_t unknown_length = UINT64_MAX;
    agh_status answer_begin(agh_conn, int status, std::string_view headers_json,
                            std::uint64_t length = unknown_length);
    agh_status answer_chunk(agh_conn, std::string_view);
    agh_status answer_end(agh_conn);

    // Stops accepting, ends keep-alive, and closes WebSockets with 1001. Calls `done` on an I/O thread once
    // the last connection has ended; those that remain after `grace` are aborted.
    void drain(std::chrono::milliseconds grace, std::function<void()> done);
    [[nodiscard]] std::vector<ListenerStatus> status() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace agenthost::host
