// Owns the parts of the hub and its two threads; passes the listener's callbacks and the actions to them.
//
// More than 25 members, because it has one function for each callback and one member for each part; it
// decides nothing.
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

    // Starts the threads; callbacks are allowed from now on.
    void start();
    // Answers waiting callers with 202 or 503, closes agents with 1001, and waits for both.
    void drain(std::chrono::milliseconds max_wait);
    // Writes all accepted work to the disk and joins the threads; later callbacks are answered BUSY.
    void stop();

    // From the listener, any thread.
    void on_http(Conn, std::string_view head_json);
    // An agent's connection; without a protocol, a dashboard's.
    void on_socket(Conn, std::string_view head_json, std::optional<wire::Protocol>);
    void on_body(Conn, const BodyEnd&);
    bool on_progress(Conn, std::uint64_t landed); // false: stop receiving this body
    void on_frame(Conn, int opcode, std::string_view);
    void on_writable(Conn);
    void on_closed(Conn, int code);

    void call(std::string_view action, std::string_view params, ReplyPtr);
    // For an action that streams, from any thread: its caller is gone, or has space for more.
    void left(const Reply*);
    void writable(const Reply*);
    [[nodiscard]] std::string problem() const; // empty: healthy

private:
    void connect() UNDER_LOCK; // connects the parts that notify each other
    void restore_tasks();
    void warn_of_unreachable_address();
    void refuse_new_work();
    void wait_until_idle(std::chrono::milliseconds max_wait);
    void write_reports();
    bool from_allowed_page(const Head&) UNDER_LOCK;
    void tell_dashboards(const TaskRecord&) UNDER_LOCK;

    Core core_;
    Exchanges exchanges_ GUARDED;
    Disk disk_;
    Agents agents_;
    Work work_;
    Servers servers_;
    Shops shops_;
    Operators operators_;
    RestFeatures rest_;
    AgentEvents agent_events_;
    Secrets secrets_;
    Upkeep upkeep_;
    Worker worker_;
};

} // namespace agenthost::hub
