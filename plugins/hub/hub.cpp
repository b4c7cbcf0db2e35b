#include "hub.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace agenthost::hub {

namespace {

constexpr std::size_t most_jobs = 1'024;
constexpr auto housekeeping_every = std::chrono::seconds{2}; // how soon a changed secret file counts
constexpr auto expiry_every = std::chrono::minutes{10};

} // namespace

Hub::Hub(Config config, Host& host)
    : core_{std::move(config), host}, store_{core_.config.database, core_.config.task_rows,
                                             std::size_t{2} * core_.config.open_tasks, core_.utc(), loaded_},
      spool_{Spool::make(core_.config.spool, core_.config.spool_bytes, core_.config.reserve_free)},
      sessions_{
          core_,
          credentials_,
          {.ready =
               [this](const AgentRecord& agent) {
                   registry_seen(agent);
                   commands_.agent_ready(agent.id);
               },
           .lost =
               [this](const AgentRecord& agent) {
                   registry_seen(agent);
                   commands_.agent_lost(agent.id);
               },
           .result = [this](std::string_view agent, const wire::Result& r) { commands_.result(agent, r); },
           .progress = [this](std::string_view agent,
                              const wire::Progress& p) { commands_.progress(agent, p.id); },
           .writable = [this](std::string_view agent) { commands_.writable(agent); },
           .not_taken = [this](std::string_view agent,
                               std::string_view id) { commands_.not_taken(agent, id); }}},
      commands_{core_, store_, sessions_}, files_{core_, commands_, spool_}, rest_{core_,     credentials_,
                                                                                   sessions_, store_,
                                                                                   store_,    commands_,
                                                                                   files_},
      admin_{core_, credentials_, store_, store_, sessions_, commands_}, worker_{most_jobs,
                                                                                 [this] { return tick(); }}
{
    core_.enter = [this](const std::function<void()>& work) { enter(work); };
    core_.blocking = [this](std::function<void()> job) { return worker_.post(std::move(job)); };
    reread_secrets();
    if (!secrets_problem_.empty()) throw std::runtime_error{"hub: " + secrets_problem_};
    for (auto& agent : loaded_.agents) credentials_.put(std::move(agent));
    for (auto& token : loaded_.tokens) credentials_.put(std::move(token));
}

void Hub::start()
{
    store_.start();
    enter([this] { commands_.restore(std::move(loaded_.open_tasks)); });
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
    enter([this] {
        core_.draining = true;
        for (auto& [conn, exchange] : core_.exchanges) {
            if (const auto answer = std::exchange(exchange.on_drain, {})) answer();
        }
        sessions_.close_all();
    });
    const auto end = Worker::Clock::now() + most;
    for (bool idle = false; !idle && Worker::Clock::now() < end;) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10}); // [ctl], once in the hub's life
        enter([&] { idle = sessions_.empty() && core_.exchanges.empty(); });
    }
}

void Hub::stop()
{
    worker_.stop();
    store_.stop();
}

// Runs `work` under the lock, then carries out what it put into the outbox, unless another thread is at it: then that one does, so
// that everything leaves in the order in which it was decided.
void Hub::enter(const std::function<void()>& work)
{
    std::unique_lock lock{mutex_};
    work();
    if (const auto next = core_.timers.next(); next != Timers::Time::max()) worker_.wake_by(next);
    if (draining_outbox_) return;
    draining_outbox_ = true;
    while (!core_.outbox.empty()) {
        auto batch = std::exchange(core_.outbox, {});
        lock.unlock();
        for (auto& effect : batch) carry_out(effect);
        batch.clear();
        lock.lock();
    }
    draining_outbox_ = false;
}

void Hub::carry_out(const std::function<void()>& effect)
{
    try {
        effect();
    } catch (const std::exception& e) { // out of memory, in the main; the others still have their turn
        core_.host.log(AGH_LOG_ERROR, std::string{"hub: an answer was lost: "} + e.what(), {});
    }
}

Worker::Clock::time_point Hub::tick()
{
    const auto now = core_.now();
    if (now >= next_housekeeping_) {
        next_housekeeping_ = now + housekeeping_every;
        housekeeping();
    }
    Timers::Time next;
    enter([&] {
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
    }
    core_.host.record(Metric::spool, double(spool_->reserved()));
    std::string facts;
    enter([&] {
        facts = "{\"online\":" + std::to_string(sessions_.size()) +
                ",\"open_tasks\":" + std::to_string(commands_.open()) +
                ",\"transfers\":" + std::to_string(files_.transfers()) + "}";
        core_.host.record(Metric::agents, double(sessions_.size()));
    });
    if (facts == published_) return;
    published_ = facts;
    core_.host.publish("agents", facts);
}

// On the worker (once in the constructor). A file that became unreadable or wrong keeps what was read before, and health says so.
void Hub::reread_secrets()
{
    std::string problem;
    const Config& config = core_.config;
    const auto read_if_changed = [&](const std::string& path, std::string& last, bool always, auto read) {
        std::string print = fingerprint(path);
        if (!always && print == last && !print.empty()) return;
        std::string why;
        if (read(why))
            last = std::move(print);
        else
            problem += (problem.empty() ? "" : " ") + why;
    };
    if (!config.credentials.empty()) {
        read_if_changed(config.credentials, watched_.credentials, false, [&](std::string& why) {
            auto listed = read_credentials_file(config.credentials, why);
            if (!listed) return false;
            enter([&] {
                credentials_.set_listed(std::move(*listed));
                sessions_.check_credentials();
            });
            return true;
        });
    }
    const bool first = !credentials_.has_admin();
    if (config.admin_token.kind != Secret::Kind::none &&
        (first || config.admin_token.kind != Secret::Kind::env)) {
        read_if_changed(secret_path(config.admin_token), watched_.admin, first, [&](std::string& why) {
            const auto token = read_secret(config.admin_token, why);
            if (!token) return false;
            enter([&] { credentials_.set_admin(kit::sha256(*token)); });
            return true;
        });
    }
    bool news = false;
    {
        const std::lock_guard lock{mutex_};
        news = problem != secrets_problem_ && !problem.empty();
        secrets_problem_ = problem;
    }
    if (news) core_.host.log(AGH_LOG_ERROR, "hub: " + problem, {});
}

std::string Hub::problem() const
{
    const std::string disk = store_.problem();
    if (!disk.empty()) return "hub: writing its database failed: " + disk;
    const std::lock_guard lock{mutex_};
    return secrets_problem_.empty() ? std::string{}
                                    : "hub: " + secrets_problem_ + " What was read before stays valid.";
}

void Hub::registry_seen(const AgentRecord& agent)
{
    Registry& registry = store_;
    if (!registry.seen(agent))
        core_.log(AGH_LOG_WARN,
                  "hub: too much waits for the disk; the registry has not noted agent " + agent.id);
}

void Hub::on_http(Conn conn, std::string_view head_json)
{
    enter([&] {
        const auto head = parse_head(head_json);
        if (!head)
            return core_.answer(conn,
                                error_answer(400, "INVALID_REQUEST", "The request's head is not readable"));
        core_.exchanges.try_emplace(conn);
        rest_.request(conn, *head);
    });
}

void Hub::on_socket(Conn conn, std::string_view head_json)
{
    enter([&] {
        const auto head = parse_head(head_json);
        if (!head)
            return core_.answer(conn,
                                error_answer(400, "INVALID_REQUEST", "The request's head is not readable"));
        sessions_.request(conn, *head, wire::Protocol::storage);
    });
}

void Hub::on_body(Conn conn, BodyEnd end)
{
    enter([&] {
        const auto it = core_.exchanges.find(conn);
        if (it == core_.exchanges.end()) return;
        if (const auto then = std::exchange(it->second.on_body, {})) then(std::move(end));
    });
}

void Hub::on_frame(Conn conn, int opcode, std::string_view bytes)
{
    enter([&] { sessions_.frame(conn, opcode, bytes); });
}

void Hub::on_writable(Conn conn)
{
    enter([&] { sessions_.writable(conn); });
}

void Hub::on_closed(Conn conn)
{
    enter([&] {
        sessions_.closed(conn);
        const auto it = core_.exchanges.find(conn);
        if (it == core_.exchanges.end()) return;
        const auto then = std::move(it->second.on_closed);
        core_.exchanges.erase(it);
        if (then) then();
    });
}

void Hub::call(std::string_view action, std::string_view params, ReplyPtr reply)
{
    enter([&] { admin_.call(action, params, std::move(reply)); });
}

} // namespace agenthost::hub
