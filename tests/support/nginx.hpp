// A real nginx as the other end: GET and PUT below its folder, plain and TLS with a test CA, on ephemeral
// ports, run as whoever runs the test. Needs nginx-light.
#pragma once

#include "support.hpp"

#include <memory>
#include <string>

namespace agenthost::test {

// Makes ca.pem, server.pem, server.key (SAN localhost, 127.0.0.1) in `dir`, once.
void make_test_certificates(const std::filesystem::path& dir);

class Nginx {
public:
    Nginx();  // throws std::runtime_error with nginx's words when it does not come up
    ~Nginx(); // by SIGTERM: a worker whose master was killed goes on for ever

    [[nodiscard]] pid_t pid() const { return process_->pid(); } // the master's
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] int tls_port() const { return tls_port_; }
    [[nodiscard]] std::string url(const std::string& path) const
    {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    [[nodiscard]] std::string tls_url(const std::string& path, const std::string& host = "127.0.0.1") const
    {
        return "https://" + host + ":" + std::to_string(tls_port_) + path;
    }
    [[nodiscard]] std::filesystem::path www() const { return dir_ / "www"; } // what it serves and stores
    [[nodiscard]] std::string ca_file() const { return (dir_ / "ca.pem").string(); }

private:
    bool start();
    TempDir dir_;
    int port_ = 0, tls_port_ = 0;
    std::unique_ptr<Process> process_;
};

} // namespace agenthost::test
