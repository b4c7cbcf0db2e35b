// A TCP proxy that does wrong on purpose, and a tiny HTTP server that answers what a test scripts. Both on an
// ephemeral port of loopback, each connection on a thread of its own; the destructor ends all of them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace agenthost::test {

// Accepts on 127.0.0.1:port() and serves each connection by `serve` on a thread.
class Acceptor {
public:
    Acceptor();
    virtual ~Acceptor();
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] std::string url(const std::string& path = "/") const
    {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    [[nodiscard]] int connections() const { return connections_; }

protected:
    void run();                                 // from the constructor of the last derived class
    void stop();                                // from its destructor
    virtual void serve(int fd, int number) = 0; // number: 1, 2, ...; fd is closed after it
    [[nodiscard]] bool stopping() const { return stopping_; }

private:
    int listen_ = -1, port_ = 0;
    std::atomic<int> connections_{0};
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::list<std::thread> threads_;
    std::list<int> open_;
    std::thread thread_;
};

// What happens to a connection's answers (upstream to client).
struct Fault {
    enum class Kind { none, cut, reset, stall, garbage } kind = Kind::none;
    std::uint64_t after = 0;                    // bytes of the answer that pass first
    std::size_t trickle = 0;                    // > 0: no more than this many bytes at a time,
    std::chrono::milliseconds trickle_every{5}; // each after such a pause
    std::optional<std::uint64_t>
        cut_request{};                       // the other direction: reset after so many bytes of the request
    const std::atomic<bool>* gate = nullptr; // while false, nothing of the request passes
};

class Proxy : public Acceptor {
public:
    // The n-th connection has the n-th fault, later ones `rest`.
    Proxy(int upstream_port, std::vector<Fault> faults, Fault rest = {});
    ~Proxy() override { stop(); }

private:
    class Relay;
    void serve(int fd, int number) override;
    int upstream_;
    std::vector<Fault> faults_;
    Fault rest_;
};

struct HttpRequest {
    std::string head; // request line and headers, with the empty line
    std::string body; // as far as `Content-Length` and the server's limit say
    int number = 0;   // of the connection
    [[nodiscard]] std::string method() const { return head.substr(0, head.find(' ')); }
    [[nodiscard]] std::string target() const;
    [[nodiscard]] std::string header(const std::string& lower_case_name) const; // empty: absent
};

// Answers each connection's one request by the handler's raw bytes, then closes.
class HttpServer : public Acceptor {
public:
    using Handler = std::function<std::string(const HttpRequest&)>;
    // `read_body` false: answers as soon as the head is there.
    explicit HttpServer(Handler handler, bool read_body = true);
    ~HttpServer() override { stop(); }
    [[nodiscard]] std::vector<HttpRequest> requests() const;

private:
    void serve(int fd, int number) override;
    Handler handler_;
    bool read_body_;
    mutable std::mutex mutex_;
    std::vector<HttpRequest> requests_;
};

std::string http_answer(const std::string& status, const std::string& body,
                        const std::string& headers = {}); // with Content-Length
std::string http_chunked(const std::string& body, std::size_t piece, const std::string& headers = {});

} // namespace agenthost::test
