// Sends lines to the standard input of one container, through an attachment that carries no output: a stalled
// reader of output would stop the server. On the I/O thread.
//
// The attachment is opened for the first line and kept. It must be closed when the container ends, because
// Docker keeps it open and would pass later input to the container's next run. Podman ends the container's
// input when the attachment is closed, so it is closed for no other reason.
#pragma once

#include "plugins/docker/engine/client.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::docker::console {

class Input {
public:
    // Empty: the line was sent. Otherwise a sentence.
    using Then = std::function<void(const std::string& why)>;

    explicit Input(engine::Client&);
    ~Input(); // no Then is called afterwards
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    // The container runs. If it is not the previous one, lines that wait for that one are refused.
    void open(std::string_view container);
    // It has ended.
    void close();
    // `line` without its end. `then` is called once, later.
    void send(std::string_view line, Then then);

    static constexpr std::size_t max_line = 8 * 1024;
    // Lines that the container has not taken yet.
    static constexpr std::size_t max_waiting = 64 * 1024;
    static constexpr std::chrono::seconds deadline{10};

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace agenthost::docker::console
