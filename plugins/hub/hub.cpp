#include "hub.hpp"

#include "base/json_writer.hpp"
#include "plugins/hub/http/origin.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace agenthost::hub {

namespace {

constexpr std::size_t max_jobs = 1'024;
constexpr auto housekeeping_every =
    std::chrono::seconds{1}; // a changed secret file counts at the second look
constexpr auto expiry_every = std::chrono::minutes{10};

// Credentials that work only with the key they were made with.
std::string key_needed(const Config& config, const StoreEnrolment::Loaded& loaded)
{
    const bool signs =
        config.jwt_secret.kind == Secret::Kind::none && config.jwt_key.kind == Secret::Kind::none;
    const auto agents = std::ranges::count_if(
        loaded.enrolments, [&](const Enrolment& e) { return !e.salt.empty() || (signs && e.jwt); });
    const std::size_t jwts = signs ? loaded.jwts.size() : 0;
    if (agents == 0 && jwts == 0) return {};
    return config.database + " has credentials that were made with it (of " + std::to_string(agents) +
           " agents, and " + std::to_string(jwts) + " JWTs)";
}

Answer unreadable_head()
{
    return error_answer(400, "INVALID_REQUEST", "The request's head is not readable");
}

Answer not_from_this_page()
{
    return error_answer(403, "DENIED", "Pages of this origin may not use the hub");
}

} // namespace

Hub::Hub(Config config, Host& host, HttpHost& http)
    : core_{std::move(config), host},
      exchanges_{core_, http}, store_{core_.config.database,
                                      Store::Bounds{core_.config.task_rows, core_.config.result_bytes},
                                      std::size_t{2} * core_.config.open_tasks, core_.utc(), loaded_},
      enrolments_{store_, core_.utc(), loaded_credentials_}, root_{core_.config.database + ".key",
                                                                   key_needed(core_.config,
                                                                              loaded_credentials_)},
      nonces_{store_, [this] { return core_.utc(); }}, spool_{Spool::make(core_.config.spool,
                                                                          core_.config.spool_bytes,
                                                                          core_.config.reserve_free)},
      book_{core_, credentials_, enrolments_}, sessions_{core_, exchanges_, credentials_, nonces_},
      commands_{core_, store_, sessions_}, requests_{core_, sessions_}, runs_{core_, sessions_, commands_,
                                                                              requests_},
      console_{core_, credentials_, sessions_, store_, runs_, requests_}, dashboards_{core_, exchanges_,
                                                                                      credentials_, sessions_,
                                                                                      runs_},
      calls_{core_, credentials_, sessions_, store_, store_, commands_}, files_{core_, calls_, commands_,
                                                                                spool_},
      registration_{core_,
                    exchanges_,
                    credentials_,
                    book_,
                    {.renewed = [this](std::string_view agent, const Claims& claims)
                                    UNDER_LOCK { sessions_.renewed(agent, claims); }}},
      reports_{core_, store_}, print_tasks_{core_,  calls_, commands_, sessions_,
                                            store_, store_, store_,    reports_},
      signed_rest_{calls_, sessions_}, reports_rest_{core_,     calls_,    credentials_,
                                                     commands_, sessions_, store_,
                                                     store_,    reports_,  sessions_.attempts()},
      runs_rest_{core_, runs_}, tasks_rest_{calls_, commands_, runs_,
                                            [this](const std::string& id, bool force)
                                                UNDER_LOCK { console_.later(id, force); }},
      agent_commands_{calls_}, rest_{core_, exchanges_, credentials_},
      agent_events_{
          {core_, store_, book_, reports_, commands_, requests_, runs_, print_tasks_, dashboards_, console_}},
      admin_{core_, credentials_, store_, enrolments_, book_, store_, sessions_, commands_},
      worker_{max_jobs, [this] { return tick(); }}
{
    core_.blocking = [this](std::function<void()> job) { return worker_.post(std::move(job)); };
    core_.strand.on_leaving([this]() UNDER_LOCK {
        if (const auto next = core_.timers.next(); next != Timers::Time::max()) worker_.wake_by(next);
    });
    sessions_.observe(agent_events_);
    commands_.observe_begin([this](const TaskRecord& task) UNDER_LOCK {
        files_.began(task);
        runs_.began(task);
    });
    commands_.observe([this](const TaskRecord& task) UNDER_LOCK {
        print_tasks_.ended(task);
        runs_.ended(task);
    });
    add_routes();
    admit_known();
    reread_secrets();
    if (!secrets_problem_.empty()) throw std::runtime_error{"hub: " + secrets_problem_};
}

void Hub::add_routes()
{
    rest_.add(registration_.routes());
    rest_.add(reports_rest_.routes());
    rest_.add(agent_commands_.routes());
    rest_.add(files_.routes());
    rest_.add(tasks_rest_.routes());
    rest_.add(runs_rest_.routes());
    rest_.add(print_tasks_.routes());
    rest_.add(signed_rest_.routes());
}

// Whom the database admits.
void Hub::admit_known()
{
    credentials_.set_root(&root_);
    credentials_.trust_shops(core_.config.trust_shop_id);
    for (auto& agent : loaded_credentials_.enrolments) credentials_.put(std::move(agent));
    for (auto& jwt : loaded_credentials_.jwts) credentials_.put(std::move(jwt));
    for (auto& token : loaded_.tokens) credentials_.put(std::move(token));
    loaded_credentials_ = {};
}

void Hub::start()
{
    store_.start();
    core_.strand.run([this]() UNDER_LOCK {
        commands_.restore(std::move(loaded_.open_tasks));
        print_tasks_.restore(std::move(loaded_.unconfirmed));
    });
    loaded_ = {};
    const std::string address = core_.host.address();
    if (core_.config.public_url.empty() &&
        (address.find("//0.0.0.0") != std::string::npos || address.find("//[::]") != std::string::npos)) {
        core_.host.log(AGH_LOG_WARN,
                       "hub: agents cannot fetch files from " + address +
                           ". Set plugins.hub.config.public_url to the address they reach the hub at.",
                       {});
    }
    worker_.start();
}

void Hub::drain(std::chrono::milliseconds most)
{
    core_.strand.run([this]() UNDER_LOCK {
        core_.draining = true;
        exchanges_.drain();
        console_.drain();
        sessions_.close_all();
        dashboards_.close_all();
    });
    const auto end = Worker::Clock::now() + most;
    for (bool idle = false; !idle && Worker::Clock::now() < end;) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10}); // [ctl], once in the hub's life
        core_.strand.run(
            [&]() UNDER_LOCK { idle = sessions_.empty() && dashboards_.size() == 0 && exchanges_.empty(); });
    }
}

void Hub::stop()
{
    worker_.stop();
    core_.strand.run([this]() UNDER_LOCK { reports_.flush(); });
    store_.stop();
}

Worker::Clock::time_point Hub::tick()
{
    const auto now = core_.now();
    if (now >= next_housekeeping_) {
        next_housekeeping_ = now + housekeeping_every;
        housekeeping();
    }
    Timers::Time next;
    core_.strand.run([&]() UNDER_LOCK {
        core_.timers.run(core_.now());
        next = core_.timers.next();
    });
    return std::min(next, next_housekeeping_);
}

void Hub::housekeeping()
{
    reread_secrets();
    const auto now = core_.now();
    if (now >= next_expiry_) {
        next_expiry_ = now + expiry_every;
        store_.expire(core_.utc());
        core_.strand.run([this]() UNDER_LOCK { tidy(); });
    }
    core_.host.record(Metric::spool, double(spool_->reserved()));
    std::string facts;
    core_.strand.run([&]() UNDER_LOCK {
        facts = base::json_object("online", sessions_.size(), "open_tasks", commands_.open(), "transfers",
                                  files_.transfers());
        core_.host.record(Metric::agents, double(sessions_.size()));
    });
    if (facts == published_) return;
    published_ = facts;
    core_.host.publish("agents", facts);
}

void Hub::tidy()
{
    book_.upkeep([this](std::string_view agent) UNDER_LOCK { return sessions_.online(agent); });
    nonces_.tidy();
    std::vector<std::string> expired;
    for (const auto& [jti, jwt] : credentials_.jwts()) {
        if (jwt.expires <= core_.utc()) expired.push_back(jti);
    }
    for (const std::string& jti : expired) {
        if (!enrolments_.remove_jwt(jti, {})) return; // the next time
        credentials_.remove_jwt(jti);
    }
}

// On the worker (once in the constructor). A file that became unreadable or wrong keeps what was read before, and health says so.
void Hub::reread_secrets()
{
    std::string problem;
    const Config& config = core_.config;
    const bool first = !std::exchange(secrets_read_, true);
    if (!config.credentials.empty()) {
        reread(
            config.credentials, watched_.credentials, first,
            [&](std::string& why) {
                auto listed = read_credentials_file(config.credentials, why);
                if (!listed) return false;
                core_.strand.run([&]() UNDER_LOCK {
                    credentials_.set_listed(std::move(*listed));
                    sessions_.check_credentials();
                });
                return true;
            },
            problem);
    }
    const auto bearer = [&](const char* key, const Secret& secret, WatchedFile& file, auto set) {
        if (secret.kind == Secret::Kind::none) return;
        reread(
            base::secret_file(secret), file, first,
            [&](std::string& why) {
                const auto token = read_secret(secret, why);
                if (!token) return false;
                if (const std::string bad = too_short(*token); !bad.empty()) {
                    why = std::string{key} + " " + secret.name + ": " + bad;
                    return false;
                }
                core_.strand.run([&]() UNDER_LOCK {
                    set(base::sha256(*token));
                    dashboards_.check_credentials();
                });
                return true;
            },
            problem);
    };
    bearer("admin_token", config.admin_token, watched_.admin,
           [this](auto digest) UNDER_LOCK { credentials_.set_admin(digest); });
    bearer("enroll_token", config.enroll_token, watched_.enroll,
           [this](auto digest) UNDER_LOCK { credentials_.set_enroll(digest); });
    reread_jwt(first, problem);
    bool news = false;
    {
        const std::lock_guard lock{problem_mutex_};
        news = problem != secrets_problem_ && !problem.empty();
        secrets_problem_ = problem;
    }
    if (news) core_.host.log(AGH_LOG_ERROR, "hub: " + problem, {});
}

// What comes from the environment does not change.
void Hub::reread(const std::string& path, WatchedFile& file, bool first,
                 const std::function<bool(std::string& why)>& read, std::string& problem)
{
    if (!first && path.empty()) return;
    if (file.due(fingerprint(path))) {
        std::string why;
        file.read(read(why) ? std::string{} : why);
    }
    if (!file.problem().empty()) problem += (problem.empty() ? "" : " ") + file.problem();
}

// Another key: what the old one signed is no longer good, and sessions admitted by it end.
void Hub::reread_jwt(bool first, std::string& problem)
{
    const Config& config = core_.config;
    const bool shared = config.jwt_secret.kind != Secret::Kind::none;
    const Secret& secret = shared ? config.jwt_secret : config.jwt_key;
    const auto set = [this](std::shared_ptr<const Jwt> jwt) {
        core_.strand.run([&]() UNDER_LOCK {
            credentials_.set_jwt(std::move(jwt));
            sessions_.check_credentials();
        });
    };
    if (secret.kind == Secret::Kind::none) {
        std::string why;
        if (first) set(Jwt::of_secret(root_.derive("jwt"), why));
        return;
    }
    reread(
        base::secret_file(secret), watched_.jwt, first,
        [&](std::string& why) {
            // A private key is PEM, of several lines.
            auto text = read_secret(secret, why, shared ? base::SecretForm::line : base::SecretForm::text);
            if (!text) return false;
            auto jwt =
                shared ? Jwt::of_secret(std::move(*text), why) : Jwt::of_private_key(std::move(*text), why);
            if (!jwt) why = (shared ? "jwt_secret " : "jwt_key ") + secret.name + ": " + why;
            if (jwt) set(std::move(jwt));
            return why.empty();
        },
        problem);
}

std::string Hub::problem() const
{
    if (const auto disk = store_.problem()) return "writing its database failed: " + disk->text;
    const std::lock_guard lock{problem_mutex_};
    return secrets_problem_.empty() ? std::string{}
                                    : "hub: " + secrets_problem_ + " What was read before stays valid.";
}

bool Hub::from_allowed_page(const Head& head)
{
    if (origin_allowed(head, core_.config.public_url, core_.config.allow_origins)) return true;
    core_.log_stranger("refused a web page of another origin. Add it to plugins.hub.config.allow_origins.",
                       base::json_object("origin", head.header("origin").substr(0, 255), "peer", head.peer));
    return false;
}

void Hub::on_http(Conn conn, std::string_view head_json)
{
    core_.strand.run([&]() UNDER_LOCK {
        const Exchange exchange = exchanges_.open(conn);
        const auto head = parse_head(head_json);
        if (!head) return exchange.answer(unreadable_head());
        if (!from_allowed_page(*head)) return exchange.answer(not_from_this_page());
        rest_.request(exchange, *head);
    });
}

void Hub::on_socket(Conn conn, std::string_view head_json, std::optional<wire::Protocol> protocol)
{
    core_.strand.run([&]() UNDER_LOCK {
        const auto head = parse_head(head_json);
        if (!head) return exchanges_.refuse_upgrade(conn, unreadable_head());
        if (!from_allowed_page(*head)) return exchanges_.refuse_upgrade(conn, not_from_this_page());
        if (protocol)
            sessions_.request(conn, *head, *protocol);
        else
            dashboards_.request(conn, *head);
    });
}

void Hub::on_body(Conn conn, const BodyEnd& end)
{
    core_.strand.run([&]() UNDER_LOCK { exchanges_.body(conn, end); });
}

bool Hub::on_progress(Conn conn, std::uint64_t landed)
{
    bool more = true;
    core_.strand.run([&]() UNDER_LOCK { more = exchanges_.progress(conn, landed); });
    return more;
}

void Hub::on_frame(Conn conn, int opcode, std::string_view bytes)
{
    core_.strand.run([&]() UNDER_LOCK {
        if (dashboards_.has(conn))
            dashboards_.frame(conn, opcode, bytes);
        else
            sessions_.frame(conn, opcode, bytes);
    });
}

void Hub::on_writable(Conn conn)
{
    core_.strand.run([&]() UNDER_LOCK {
        sessions_.writable(conn);
        dashboards_.writable(conn);
        files_.writable(exchanges_.at(conn));
    });
}

void Hub::on_closed(Conn conn, int code)
{
    core_.strand.run([&]() UNDER_LOCK {
        sessions_.closed(conn, code);
        dashboards_.closed(conn);
        exchanges_.closed(conn);
    });
}

void Hub::call(std::string_view action, std::string_view params, ReplyPtr reply)
{
    core_.strand.run([&]() UNDER_LOCK {
        if (Console::takes(action))
            console_.call(action, params, reply);
        else
            admin_.call(action, params, std::move(reply));
    });
}

void Hub::left(const Reply* reply)
{
    core_.strand.run([&]() UNDER_LOCK { console_.left(reply); });
}

void Hub::writable(const Reply* reply)
{
    core_.strand.run([&]() UNDER_LOCK { console_.writable(reply); });
}

} // namespace agenthost::hub
