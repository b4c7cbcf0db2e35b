// Sends requests to the running daemon: HTTP/1.1 over its unix socket, one request a connection, blocking.
// The body of a response may be chunked and endless. Used by the command lines of the host and of plugins.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace agenthost::netclient {

struct ControlAnswer {
    int status = 0;   // 0: no response; `problem` has the reason and the remedy
    std::string body; // empty when on_body took it
    std::string problem;
    bool no_daemon = false;

    [[nodiscard]] bool good() const { return status >= 200 && status < 300; }
    // The sentence for people: problem, or the API's error.message, or the status.
    [[nodiscard]] std::string error() const;
    [[nodiscard]] nlohmann::json json() const; // discarded if the body is not JSON
};

class ControlClient {
public:
    explicit ControlClient(std::filesystem::path socket) : socket_{std::move(socket)} {}

    // `silence`: how long the daemon may send nothing; 0: for ever. `on_body` gets pieces of a 2xx body as
    // they come.
    ControlAnswer request(std::string_view method, std::string_view target, std::string_view body = {},
                          std::chrono::milliseconds silence = std::chrono::seconds{10},
                          const std::function<void(std::string_view)>& on_body = {}) const;

private:
    std::filesystem::path socket_;
};

} // namespace agenthost::netclient
