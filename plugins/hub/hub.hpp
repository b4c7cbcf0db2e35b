// The hub put together: one lock over its parts, its two threads, and what the listener's callbacks and the actions do with them.
#pragma once

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
#include "plugins/hub/rest/files.hpp"
#include "plugins/hub/rest/rest.hpp"
#include "plugins/hub/rest/runs_rest.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "plugins/hub/store/store.hpp"
#include "plugins/hub/store/store_enrolment.hpp"
#include "plugins/hub/store/store_nonces.hpp"
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
    Hub(Config, Host&);
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
    void on_body(Conn, BodyEnd);
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
    Sessions::Events events();
    void enter(const std::function<void()>&);
    void carry_out(const std::function<void()>&);
    Worker::Clock::time_point tick();
    void housekeeping();
    void reread_secrets();
    void reread(const std::string& path, WatchedFile&, bool first,
                const std::function<bool(std::string& why)>& read, std::string& problem);
    void reread_jwt(bool first, std::string& problem);
    bool from_allowed_page(Conn, const Head&); // false: it has been answered
    void tidy();
    void registry_seen(const AgentRecord&);

    struct Watched { // the constructor's, then the worker's
        WatchedFile credentials, admin, enroll, jwt;
    };
    Core core_;
    Watched watched_;
    mutable std::mutex mutex_;
    bool draining_outbox_ = false;
    Store::Loaded loaded_;
    Store store_;
    StoreEnrolment::Loaded loaded_credentials_;
    StoreEnrolment enrolments_;
    RootKey root_; // after them: with credentials in the database it must be there
    StoreNonces nonces_;
    std::shared_ptr<Spool> spool_;
    Credentials credentials_;
    EnrolmentBook book_;
    Sessions sessions_;
    Commands commands_;
    Requests requests_;
    Runs runs_;
    Console console_;
    Dashboards dashboards_;
    Files files_;
    Registration registration_;
    Reports reports_;
    Calls calls_;
    PrintTasks print_tasks_;
    SignedRest signed_rest_;
    ReportsRest reports_rest_;
    RunsRest runs_rest_;
    TasksRest tasks_rest_;
    Rest rest_;
    Admin admin_;
    Worker worker_;
    bool secrets_read_ = false; // the constructor's, then the worker's
    std::string secrets_problem_, published_;
    Timers::Time next_housekeeping_{}, next_expiry_{};
};

} // namespace agenthost::hub
