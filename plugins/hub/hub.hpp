// Owns the parts of the hub and its two threads; passes on what the listener's callbacks and the actions
// bring.
#pragma once

#include "agent_events.hpp"
#include "features.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/worker.hpp"
#include "plugins/hub/http/exchanges.hpp"
#include "secrets.hpp"
#include "upkeep.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

class Hub {
public:
    // Reads secrets, opens database and transfer folder; blocking. Throws std::runtime_error: what, where,
    // how to fix it.
    Hub(Config, Host&, HttpHost&);
    ~Hub() { stop(); }
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    // Starts the threads; then callbacks may come.
    void start();
    // Answers callers that wait with 202 or 503 and closes agents with 1001. Waits for that, at most `most`.
    void drain(std::chrono::milliseconds most);
    // Writes what was accepted and joins the threads; callbacks after it are answered BUSY.
    void stop();

    // From the listener, any thread.
    void on_http(Conn, std::string_view head_json);
    // Of an agent; without a protocol: of a dashboard.
    void on_socket(Conn, std::string_view head_json, std::optional<wire::Protocol>);
    void on_body(Conn, const BodyEnd&);
    bool on_progress(Conn, std::uint64_t landed); // false: no more of this body
    void on_frame(Conn, int opcode, std::string_view);
    void on_writable(Conn);
    void on_closed(Conn, int code);

    void call(std::string_view action, std::string_view params, ReplyPtr);
    // Of an action that streams, from any thread: its caller is gone; it takes more again.
    void left(const Reply*);
    void writable(const Reply*);
    [[nodiscard]] std::string problem() const; // empty: healthy

private:
    void connect() UNDER_LOCK; // parts that tell each other things
    void restore_tasks();
    void warn_of_unreachable_address();
    void refuse_new_work();
    void wait_until_idle(std::chrono::milliseconds most);
    void write_reports();
    bool from_allowed_page(const Head&) UNDER_LOCK;

    Core core_;
    Exchanges exchanges_ GUARDED;
    Disk disk_;
    Agents agents_;
    Work work_;
    Operators operators_;
    RestFeatures rest_;
    AgentEvents agent_events_;
    Secrets secrets_;
    Upkeep upkeep_;
    Worker worker_;
};

} // namespace agenthost::hub
