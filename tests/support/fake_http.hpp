// A scripted HTTP server on a unix socket, a thread for each connection: answers as an engine would, or as no
// server should.
//
//     FakeHttp engine{dir / "engine.sock", [](FakeHttp::Peer& peer, const FakeHttp::Request& request) {
//         if (request.target == "/_ping") peer.reply(200, "OK");
//         else peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), peer.close();
//     }};
//
// The script runs on the connection's thread, once a request; it may block, in wait_closed() as well.
#pragma once

#include "base/fd.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace agenthost::test {

class FakeHttp {
public:
    struct Request {
        std::string method, target;
        std::map<std::string, std::string> headers; // by lower-case name
        std::string body;                           // chunked ones are decoded
    };
    class Peer {
    public:
        explicit Peer(int fd) : fd_{fd} {}
        // False: the other end has closed.
        bool send(std::string_view bytes);
        bool reply(int status, std::string_view body, std::string_view more_headers = {});
        bool begin_chunked();
        bool chunk(std::string_view bytes); // empty: the last one
        // What arrives now; empty: the end.
        std::string receive();
        // Whether something arrives within that time.
        bool readable(std::chrono::milliseconds) const;
        // Blocks until the other end closes, or the server stops.
        void wait_closed();
        void close();
        [[nodiscard]] bool closed() const { return closed_; }

    private:
        friend class FakeHttp;
        int fd_;
        std::string rest_; // received, not used
        bool closed_ = false;
    };
    using Script = std::function<void(Peer&, const Request&)>;

    FakeHttp(std::filesystem::path socket, Script);
    ~FakeHttp(); // ends all connections and joins their threads
    FakeHttp(const FakeHttp&) = delete;
    FakeHttp& operator=(const FakeHttp&) = delete;

    [[nodiscard]] std::string socket() const { return path_.string(); }
    // "GET /version", in the order of arrival.
    [[nodiscard]] std::vector<std::string> requests() const;
    [[nodiscard]] std::size_t connections() const { return accepted_; }

private:
    struct Connection {
        base::Fd socket;
        std::thread thread;
    };
    void accept_all();
    void serve(int fd);
    static bool read_request(Peer&, Request&);
    static bool read_more(Peer&);

    std::filesystem::path path_;
    Script script_;
    base::Fd listening_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> accepted_{0};
    mutable std::mutex mutex_;
    std::list<Connection> connections_;
    std::vector<std::string> requests_;
    std::thread acceptor_;
};

} // namespace agenthost::test
