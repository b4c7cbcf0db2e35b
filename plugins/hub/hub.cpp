#include "hub.hpp"

#include "base/json_writer.hpp"
#include "plugins/hub/http/origin.hpp"
#include "plugins/hub/shops/task_json.hpp"

#include <stdexcept>
#include <thread>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr std::size_t max_jobs = 1'024;

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
    : core_{std::move(config), host}, exchanges_{core_, http}, disk_{core_}, agents_{core_, exchanges_,
                                                                                     disk_},
      work_{core_, disk_, agents_}, servers_{core_, disk_, agents_, work_}, shops_{core_, disk_, agents_,
                                                                                   work_},
      operators_{core_, exchanges_, disk_, agents_, work_}, rest_{core_,   exchanges_, disk_,
                                                                  agents_, work_,      operators_},
      agent_events_{{core_, agents_.credentials.agents, disk_.store, agents_.book, agents_.reports,
                     work_.commands, work_.requests, work_.runs, shops_.tasks, operators_.dashboards,
                     operators_.console, servers_.watch, servers_.control}},
      secrets_{core_, disk_, agents_, operators_}, upkeep_{core_, disk_, agents_, work_, rest_, secrets_},
      worker_{max_jobs, [this] { return upkeep_.tick(); }}
{
    connect();
    rest_.add_routes(agents_, servers_, shops_);
    agents_.admit(disk_);
    secrets_.reread();
    if (const std::string problem = secrets_.problem(); !problem.empty())
        throw std::runtime_error{"hub: " + problem};
}

void Hub::connect()
{
    core_.blocking = [this](std::function<void()> job) { return worker_.post(std::move(job)); };
    core_.strand.on_leaving([this]() UNDER_LOCK {
        if (const auto next = core_.timers.next(); next != Timers::Time::max()) worker_.wake_by(next);
    });
    agents_.sessions.observe(agent_events_);
    agents_.registered = [this](const std::string& agent, std::string_view capabilities)
                             UNDER_LOCK { servers_.watch.registered(agent, capabilities); };
    work_.commands.observe_begin([this](const TaskRecord& task) UNDER_LOCK {
        servers_.watch.began(task);
        rest_.files.began(task);
        work_.runs.events().began(task);
        tell_dashboards(task);
    });
    work_.commands.observe([this](const TaskRecord& task) UNDER_LOCK {
        servers_.watch.ended(task);
        shops_.tasks.ended(task);
        work_.runs.events().ended(task);
        shops_.control.ended(task);
        tell_dashboards(task);
    });
    work_.commands.observe_warning([this](const TaskRecord& task) UNDER_LOCK { tell_dashboards(task); });
}

// A shop's task has begun, is late, or has ended.
void Hub::tell_dashboards(const TaskRecord& task)
{
    if (!task.shop) return;
    const std::string shown = shop_task_json(task);
    operators_.dashboards.agent_event(task.agent, {.topic = "print_task", .json = shown, .at = core_.utc()},
                                      task.id);
}

// ---- start and stop ----

void Hub::start()
{
    disk_.store.start();
    restore_tasks();
    warn_of_unreachable_address();
    worker_.start();
}

void Hub::drain(std::chrono::milliseconds max_wait)
{
    refuse_new_work();
    wait_until_idle(max_wait);
}

void Hub::stop()
{
    worker_.stop();
    write_reports();
    disk_.store.stop();
}

// Restores the tasks that were open when the hub stopped.
void Hub::restore_tasks()
{
    core_.strand.run([this]() UNDER_LOCK {
        servers_.watch.restore(std::exchange(disk_.loaded_servers, {}));
        work_.commands.restore(std::move(disk_.loaded.open_tasks));
        shops_.tasks.restore(std::move(disk_.loaded.unconfirmed));
    });
    disk_.loaded = {};
}

void Hub::warn_of_unreachable_address()
{
    const std::string address = core_.host.address();
    const bool any =
        address.find("//0.0.0.0") != std::string::npos || address.find("//[::]") != std::string::npos;
    if (!core_.config.public_url.empty() || !any) return;
    core_.host.log(AGH_LOG_WARN,
                   "hub: agents cannot fetch files from " + address +
                       ". Set plugins.hub.config.public_url to the address they reach the hub at.",
                   {});
}

void Hub::refuse_new_work()
{
    core_.strand.run([this]() UNDER_LOCK {
        core_.draining = true;
        exchanges_.drain();
        operators_.console.drain();
        servers_.control.drain();
        shops_.control.drain();
        agents_.sessions.close_all();
        operators_.dashboards.close_all();
    });
}

void Hub::wait_until_idle(std::chrono::milliseconds max_wait)
{
    const auto end = Worker::Clock::now() + max_wait;
    for (bool idle = false; !idle && Worker::Clock::now() < end;) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10}); // [ctl], once in the hub's life
        core_.strand.run([&]() UNDER_LOCK {
            idle = agents_.sessions.empty() && operators_.dashboards.size() == 0 && exchanges_.empty();
        });
    }
}

void Hub::write_reports()
{
    core_.strand.run([this]() UNDER_LOCK { agents_.reports.flush(); });
}

std::string Hub::problem() const
{
    if (const auto disk = disk_.store.problem()) return "writing its database failed: " + disk->text;
    if (const auto disk = disk_.spool->problem()) return "file transfers are refused: " + disk->text;
    const std::string secrets = secrets_.problem();
    return secrets.empty() ? secrets : "hub: " + secrets + " What was read before stays valid.";
}

// ---- calls from the listener and of the actions ----

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
        rest_.rest.request(exchange, *head);
    });
}

void Hub::on_socket(Conn conn, std::string_view head_json, std::optional<wire::Protocol> protocol)
{
    core_.strand.run([&]() UNDER_LOCK {
        const auto head = parse_head(head_json);
        if (!head) return exchanges_.refuse_upgrade(conn, unreadable_head());
        if (!from_allowed_page(*head)) return exchanges_.refuse_upgrade(conn, not_from_this_page());
        if (protocol)
            agents_.sessions.request(conn, *head, *protocol);
        else
            operators_.dashboards.request(conn, *head);
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
        if (operators_.dashboards.has(conn))
            operators_.dashboards.frame(conn, opcode, bytes);
        else
            agents_.sessions.frame(conn, opcode, bytes);
    });
}

void Hub::on_writable(Conn conn)
{
    core_.strand.run([&]() UNDER_LOCK {
        agents_.sessions.writable(conn);
        operators_.dashboards.writable(conn);
        rest_.files.writable(exchanges_.at(conn));
    });
}

void Hub::on_closed(Conn conn, int code)
{
    core_.strand.run([&]() UNDER_LOCK {
        agents_.sessions.closed(conn, code);
        operators_.dashboards.closed(conn);
        exchanges_.closed(conn);
    });
}

void Hub::call(std::string_view action, std::string_view params, ReplyPtr reply)
{
    core_.strand.run([&]() UNDER_LOCK {
        if (Console::takes(action))
            operators_.console.call(action, params, reply);
        else if (ServerControl::takes(action))
            servers_.control.call(action, params, reply);
        else if (ShopControl::takes(action))
            shops_.control.call(action, params, reply);
        else
            operators_.admin.call(action, params, std::move(reply));
    });
}

void Hub::left(const Reply* reply)
{
    core_.strand.run([&]() UNDER_LOCK {
        operators_.console.left(reply);
        servers_.control.left(reply);
    });
}

void Hub::writable(const Reply* reply)
{
    core_.strand.run([&]() UNDER_LOCK {
        operators_.console.writable(reply);
        servers_.control.writable(reply);
    });
}

} // namespace agenthost::hub
