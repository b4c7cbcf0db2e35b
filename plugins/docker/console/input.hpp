// Sends lines to the standard input of one container, by an attachment that carries no output: a stalled
// reader of output would stop the server. On the I/O thread.
//
// The attachment is opened for the first line and kept. It must be closed when the container ends, since
// Docker keeps it, and would give what is sent later to the next start. Podman gives the container the end of
// its input when the attachment is closed, so it is closed for nothing else.
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
    // Empty: the line has left. Else a sentence.
    using Then = std::function<void(const std::string& why)>;

    explicit Input(engine::Client&);
    ~Input(); // no Then is called afterwards
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    // The container runs. Another one than before: what waits for the old one is refused.
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
