// A real Listeners on loopback with threads of its own, a plugin that does what the test says, and a raw
// client.
#pragma once

#include "host/listener/listener.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

namespace agenthost::test {

using nlohmann::json;

// A blocking client socket that gives up after `max_wait`.
class Raw {
public:
    explicit Raw(int port);
    explicit Raw(const std::string& unix_path);
    static Raw adopt(int fd) { return Raw{fd, Adopt{}}; } // connected already
    Raw(Raw&& other) noexcept : fd_{std::exchange(other.fd_, -1)}, buffer_{std::move(other.buffer_)} {}
    ~Raw() { close(); }
    void close();
    [[nodiscard]] bool connected() const { return fd_ >= 0; }
    [[nodiscard]] int fd() const { return fd_; }
    bool send(std::string_view); // false: the peer is gone
    bool fill();                 // more bytes; false: EOF, reset or timeout
    std::string take(std::size_t n);
    std::string until(std::string_view end); // with it; what came before EOF otherwise
    std::string rest();                      // to the end of the stream
    bool closed();                           // does EOF (or a reset) come next?

private:
    struct Adopt {};
    Raw(int fd, Adopt) : fd_{fd} {}
    int fd_ = -1;
    std::string buffer_;
};

struct Answer {
    int status = 0;
    std::string head, body;
    [[nodiscard]] std::string header(std::string_view name) const; // lower case name
};
Answer read_answer(Raw&, bool head_request = false);
Answer ask(Raw&, std::string_view request);
std::string get(std::string_view path, std::string_view headers = {}); // a GET with Host

// A route of ours. The functions run on I/O threads; without one, a request is answered 200 with its head as
// body.
class Script {
public:
    std::function<void(agh_conn, const json& head)> request;
    std::function<void(agh_conn, std::uint64_t length, std::string sha256, std::string data, agh_status)>
        body;
    std::function<void(agh_conn, int opcode, std::string_view)> frame;
    std::function<void(agh_conn)> writable;
    std::vector<std::pair<agh_conn, int>> closed() const;
    std::size_t requests() const { return requests_; }
    std::size_t bodies() const { return bodies_; }
    int close_code(agh_conn) const;   // waits for it; -1: none came
    int times_closed(agh_conn) const; // so far
    agh_conn last() const { return last_; }
    bool balanced() const { return requests_ == closed().size(); }
    agh_route_api api();

    host::Listeners* listeners = nullptr;

private:
    mutable std::mutex mutex_;
    std::vector<std::pair<agh_conn, int>> closed_;
    std::atomic<std::size_t> requests_{0}, bodies_{0};
    std::atomic<agh_conn> last_{0};
};

class ListenerTest : public testing::Test {
protected:
    ListenerTest();
    void TearDown() override; // the listeners end before the scripts their callbacks go to

    // Lives as long as the fixture. A script of the test's own would end before the loops that still call it.
    Script& new_script() { return scripts.emplace_back(); }

    host::ListenerConfig config() const; // "web" on a free port of 127.0.0.1
    int start(host::ListenerConfig);     // its port
    int start() { return start(config()); }
    int port(std::string_view name = "web") const;
    void route(const std::string& json_text, Script&, std::string_view owner = "test");
    void http(Script& s, const std::string& path, const std::string& listener = "web");
    void ws(Script& s, const std::string& path, const std::string& listener = "web");
    host::ListenerStatus status(std::string_view name = "web") const;
    bool answer(agh_conn, int status, std::string_view body, std::string_view headers = {});

    struct Loop {
        boost::asio::io_context io{1};
        boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
        std::thread thread{[this] { io.run(); }};
        ~Loop() { end(); }
        void end();
    };
    TempDir dir;
    std::deque<Script> scripts;
    std::vector<std::unique_ptr<Loop>> loops;
    std::unique_ptr<host::Listeners> listeners;
};

// openssl(1): c("server.pem"), c("server.key"), c("ca.pem") for localhost and 127.0.0.1.
const TempDir& certificates();

} // namespace agenthost::test
