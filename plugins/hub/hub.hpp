// Puts the parts of the hub together, owns them and its two threads, and hands them what the listener's callbacks and the actions bring.
// It has more than 25 members, one for each part: their order is the order of construction and destruction.
#pragma once

#include "agent_events.hpp"
#include "plugins/hub/agents/registration.hpp"
#include "plugins/hub/agents/sessions.hpp"
#include "plugins/hub/console/admin.hpp"
#include "plugins/hub/console/console.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/watched_file.hpp"
#include "plugins/hub/core/worker.hpp"
#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/credentials/enrolment_book.hpp"
#include "plugins/hub/credentials/keys.hpp"
#include "plugins/hub/dashboard/dashboards.hpp"
#include "plugins/hub/http/exchanges.hpp"
#include "plugins/hub/rest/agent_commands.hpp"
#include "plugins/hub/rest/files.hpp"
#include "plugins/hub/rest/print_tasks.hpp"
#include "plugins/hub/rest/reports.hpp"
#include "plugins/hub/rest/rest.hpp"
#include "plugins/hub/rest/runs.hpp"
#include "plugins/hub/rest/signed_agents.hpp"
#include "plugins/hub/rest/tasks.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "plugins/hub/store/enrolment.hpp"
#include "plugins/hub/store/nonces.hpp"
#include "plugins/hub/store/store.hpp"
#include "plugins/hub/tasks/commands.hpp"
#include "plugins/hub/tasks/requests.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

class Hub {
public:
    // Reads secrets, opens database and transfer folder; blocking. Throws std::runtime_error: what, where, how to fix.
    Hub(Config, Host&, HttpHost&);
    ~Hub() { stop(); }
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    void start(); // threads; then callbacks may come
    // Says goodbye: callers who wait get 202 or 503, agents 1001. Waits for it, at most `most`.
    void drain(std::chrono::milliseconds most);
    void stop(); // what was accepted is written, threads are joined; callbacks after it are answered BUSY

    // From the listener, any thread.
    void on_http(Conn, std::string_view head_json);
    void on_socket(Conn, std::string_view head_json,
                   std::optional<wire::Protocol>); // of an agent; without a protocol: of a dashboard
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
    void add_routes() UNDER_LOCK;
    void admit_known() UNDER_LOCK;
    Worker::Clock::time_point tick();
    void housekeeping();
    void reread_secrets();
    void reread(const std::string& path, WatchedFile&, bool first,
                const std::function<bool(std::string& why)>& read, std::string& problem);
    void reread_jwt(bool first, std::string& problem);
    bool from_allowed_page(const Head&) UNDER_LOCK;
    void tidy() UNDER_LOCK;

    struct Watched { // the constructor's, then the worker's
        WatchedFile credentials, admin, enroll, jwt;
    };
    Core core_;
    Watched watched_;
    Exchanges exchanges_ GUARDED;
    Store::Loaded loaded_;
    Store store_;
    StoreEnrolment::Loaded loaded_credentials_;
    StoreEnrolment enrolments_;
    RootKey root_; // after them: with credentials in the database it must be there
    StoreNonces nonces_;
    std::shared_ptr<Spool> spool_;
    Credentials credentials_ GUARDED;
    EnrolmentBook book_ GUARDED;
    Sessions sessions_ GUARDED;
    Commands commands_ GUARDED;
    Requests requests_ GUARDED;
    Runs runs_ GUARDED;
    Console console_ GUARDED;
    Dashboards dashboards_ GUARDED;
    Calls calls_ GUARDED;
    Files files_ GUARDED;
    Registration registration_ GUARDED;
    Reports reports_ GUARDED;
    PrintTasks print_tasks_ GUARDED;
    SignedRest signed_rest_ GUARDED;
    ReportsRest reports_rest_ GUARDED;
    RunsRest runs_rest_ GUARDED;
    TasksRest tasks_rest_ GUARDED;
    AgentCommands agent_commands_ GUARDED;
    Rest rest_ GUARDED;
    AgentEvents agent_events_;
    Admin admin_ GUARDED;
    Worker worker_;
    bool secrets_read_ = false; // the constructor's, then the worker's
    mutable std::mutex problem_mutex_;
    std::string secrets_problem_; // under problem_mutex_
    std::string published_;
    Timers::Time next_housekeeping_{}, next_expiry_{};
};

} // namespace agenthost::hub
