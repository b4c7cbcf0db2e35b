// A printer's raw port on loopback, with the habits of printers in the field. Runs on a thread of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace agenthost::test {

class NetworkPrinter {
public:
    struct Habits {
        bool answers_status = true;
        bool confirms = true; // GS ( H
        bool paper_out = false;
        bool closes_after_fin = true; // else it keeps the connection open
        int receive_buffer = 0;       // SO_RCVBUF; 0: the kernel's
        // Stops reading after so many bytes of a connection, until go_on().
        std::size_t reads_until = SIZE_MAX;
        std::size_t resets_after = SIZE_MAX; // RST after so many bytes of a connection
        std::size_t bytes_per_second = 0;    // that it takes; 0: all
        unsigned resets = 0;                 // of that many connections
    };
    explicit NetworkPrinter(Habits);
    ~NetworkPrinter();
    NetworkPrinter(const NetworkPrinter&) = delete;
    NetworkPrinter& operator=(const NetworkPrinter&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    void set(Habits);
    void go_on(); // reads all from now on
    // Stops reading when it has read so many bytes more, over all connections, until go_on().
    void pause_after(std::size_t bytes);
    [[nodiscard]] bool paused() const;
    // Everything but status queries, over all connections.
    [[nodiscard]] std::string received() const;
    [[nodiscard]] unsigned connections() const { return connections_; }
    [[nodiscard]] unsigned open_connections() const { return open_; }
    void close_connection(); // of the one that is served, by FIN

private:
    void serve();
    void serve(int fd);
    void took(int fd, const char* data, std::size_t size);
    bool readable(int fd);

    int listener_ = -1;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    Habits habits_;
    std::string received_;
    std::string stored_;                         // responses that nobody was there to read; of the thread
    std::size_t read_ = 0, pause_at_ = SIZE_MAX; // with the status queries
    std::atomic<unsigned> connections_{0}, open_{0};
    std::atomic<bool> stopping_{false}, close_{false};
    std::thread thread_;
};

} // namespace agenthost::test
