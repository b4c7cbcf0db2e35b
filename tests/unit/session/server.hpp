// A WebSocket server for tests, by Beast, on the test's own loop: does what a script says and remembers what
// it saw.
#pragma once

#include "netclient/tls.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace agenthost::test {

// Where a connection is cut, after the named thing happened.
enum class Cut { never, accepted, secured, upgraded, hello, welcome, command, result };

class Peer {
public:
    virtual ~Peer() = default;
    virtual void send(std::string text) = 0;
    virtual void send_binary(std::string bytes) = 0;
    virtual void ping(std::string payload) = 0;
    virtual void read_on(bool) = 0; // false: nothing is read any more, so no ping is answered either
    virtual void close_with(int code, const std::string& reason) = 0;
    void close(int code) { close_with(code, {}); }
    virtual void cut() = 0; // without a word

    std::vector<std::string> got; // frames, the hello first
    std::vector<std::string> pongs;
    int pings = 0;
    int close_code = 0; // how the other end closed; 0: not yet, or without a word
    std::string end;    // the read's last error
    bool open = false, gone = false;
    std::string request; // the upgrade's, with its headers
    bool http = false;   // it was no upgrade
};

class Server {
public:
    struct Options {
        netclient::TlsContextPtr tls;
        int refuse = 0;                                            // the upgrade, with this status
        std::string answer = R"({"status":"ok"})";                 // to the hello; empty: none
        std::vector<Cut> cuts;                                     // of the first, second, ... connection
        std::function<void(Peer&)> on_ready;                       // the hello has been answered
        std::function<void(Peer&)> on_open;                        // upgraded; nothing has been read
        std::function<void(Peer&, const std::string&)> on_message; // every frame, the hello too
        // For requests that are no upgrade: status and body of the answer.
        std::function<std::pair<int, std::string>(const std::string& request)> http;
        std::string date;     // of the answers; empty: none
        bool deflate = false; // accepts permessage-deflate
        std::size_t message_bytes = 64 << 20;
        std::size_t read_frames =
            0; // after so many nothing is read until read_on(true), pings neither; 0: no end
    };
    static std::unique_ptr<Server> make(boost::asio::io_context&, Options);
    virtual ~Server() = default;
    [[nodiscard]] virtual int port() const = 0;

    Options options;
    std::vector<std::shared_ptr<Peer>>
        peers;                         // in the order they came; WebSockets, or what did not get so far
    std::vector<std::string> requests; // that were no upgrade, with their bodies
    int most_open = 0;                 // WebSockets open at the same time
};

} // namespace agenthost::test
