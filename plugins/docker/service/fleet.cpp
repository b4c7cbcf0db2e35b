#include "fleet.hpp"

#include "events_json.hpp"
#include "node_report.hpp"
#include "port_strangers.hpp"
#include "problem.hpp"

#include "plugins/docker/spec/create_body.hpp"
#include "plugins/docker/spec/egg.hpp"
#include "plugins/docker/spec/server_plan.hpp"
#include "plugins/docker/store/owner.hpp"

#include "base/fd.hpp"
#include "base/hash.hpp"
#include "base/json_writer.hpp"
#include "netclient/net.hpp"

#include <boost/asio/post.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace agenthost::docker::service {

namespace {

using namespace std::chrono_literals;

// Events may be lost by the engine; each server looks again this often.
constexpr auto poll_interval = 30s;
// A resource_update waits this long for the first count of a server's folder, which usually takes milliseconds.
constexpr auto first_count = 10s;
// An engine lists its containers in milliseconds; a creation does not wait for one that is slower.
constexpr auto max_port_check = 2s;
constexpr std::size_t max_foreign = 256; // names that are remembered, so that each is logged once

// The process that owns the engine's socket; empty: unknown, or systemd, which listens for it.
std::string process_behind(const std::string& socket)
{
    const base::Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    std::string ignored;
    const auto address = netclient::unix_address(socket, ignored);
    if (!fd || !address) return {};
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address->storage), address->size) != 0)
        return {};
    const engine::Peer peer = engine::peer_of(fd.get());
    if (peer.pid <= 1) return {};
    return std::to_string(peer.pid) + ":" + std::to_string(peer.started);
}

std::int64_t utc_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string architecture_of(const std::string& machine)
{
    if (machine == "x86_64") return "amd64";
    if (machine == "aarch64") return "arm64";
    return machine;
}

// What one server may ask for. The default for servers without a limit is granted even if the machine has less.
std::uint64_t most(std::uint64_t machine, std::uint64_t by_default)
{
    return machine == 0 ? 0 : std::max(machine, by_default);
}

bool is_up(server::State state)
{
    return state == server::State::starting || state == server::State::running ||
           state == server::State::stopping;
}

} // namespace

Fleet::Fleet(engine::Client& client, const Config& config, std::unique_ptr<store::Store> store, Pools pools,
             std::filesystem::path state, Outputs outputs)
    : config_{config}, client_{client}, outputs_{std::move(outputs)}, records_{std::move(store),
                                                                               (state / "engine").string(),
                                                                               client.io()},
      images_{client, config, pools.disk}, node_{.config = config,
                                                 .client = client,
                                                 .images = images_,
                                                 .records = records_,
                                                 .pools = std::move(pools),
                                                 .policy = config.policy,
                                                 .owner = store::load_owner((state / "owner").string()),
                                                 .state = std::move(state),
                                                 .emit = outputs_.emit,
                                                 .log = outputs_.log,
                                                 .limit_disk = outputs_.limit_disk,
                                                 .free_disk = outputs_.free_disk,
                                                 .changed = [this] { publish_count(); }},
      ledger_{ledger::limits_of(config.policy)}, poll_timer_{client.io()}, usage_timer_{client.io()}
{}

Fleet::~Fleet() = default;

// ---- life ----

void Fleet::load(const store::Store::Loaded& stored)
{
    for (const std::string& text : stored.unreadable) node_.log(Level::error, text);
    for (const store::StoredServer& server : stored.servers) {
        for (const std::string& conflict : ledger_.restore(server.claim)) node_.log(Level::warn, conflict);
        try {
            add(server, read_create_server(server.spec));
        } catch (const std::exception& e) {
            leftover_.insert(server.id);
            node_.log(Level::error, "server " + server.id +
                                        " is left alone: its configuration cannot be read: " + e.what() +
                                        " Create it again.");
        }
    }
    engine_process_ = records_.engine();
    ledger::NodeLimits limits = ledger_.limits();
    limits.machine_disk = most(disk_size(config_.policy.data_dir), config_.policy.default_disk);
    ledger_.limit(limits);
}

void Fleet::add(const store::StoredServer& stored, ServerSpec spec)
{
    servers_[stored.id] = std::make_unique<ServerShell>(node_, std::move(spec), stored,
                                                        [this, id = stored.id] { remove_later(id); });
}

void Fleet::start()
{
    stream_ = std::make_unique<engine::EventStream>(
        client_, server_label,
        engine::EventStream::Handlers{.on_open = [this](const auto& opening) { opened(opening); },
                                      .on_event = [this](const engine::Event& event) { on_event(event); },
                                      .on_away = [this](const engine::Error& error) { went_away(error); },
                                      .on_silence = [this](const auto& error) { silent(error); }});
    stream_->start();
    publish_count();
    poll();
    if (config_.stats_interval > 0ms) report_usage();
}

void Fleet::drain()
{
    draining_ = true;
    for (const auto& [id, server] : servers_) server->answer_all();
}

void Fleet::remove_later(const std::string& id)
{
    boost::asio::post(client_.io(), [this, id, alive = std::weak_ptr{alive_}] {
        if (alive.expired()) return;
        const auto gone = servers_.extract(id);
        ledger_.release(id);
        outputs_.deleted(id);
        publish_count();
        outputs_.emit("docker.server_deleted", base::json_object("serverId", id));
        if (!gone.empty()) gone.mapped()->say_deleted();
    });
}

// ---- the engine ----

bool Fleet::restarted(const engine::EventStream::Opened& opening)
{
    const std::string now = process_behind(config_.socket);
    const std::string before = std::exchange(engine_process_, now);
    if (now != before) records_.set_engine(now);
    // With systemd's socket activation this is unknown: a death is then attributed to a restart rather than
    // counted as a crash.
    return opening.restarted || (!before.empty() && now != before);
}

void Fleet::opened(const engine::EventStream::Opened& opening)
{
    const bool again = restarted(opening);
    engine_ = opening.facts;
    node_.policy.engine.podman = opening.facts.podman;
    if (const auto version = engine::read_api_version(opening.facts.used_api))
        node_.policy.engine.api_minor = static_cast<unsigned>(version->minor);
    away_ = false;
    ledger::NodeLimits limits = ledger_.limits();
    limits.machine_memory = most(opening.facts.memory, config_.policy.default_memory);
    ledger_.limit(limits);
    node_.log(Level::info, std::string{opening.facts.podman ? "podman " : "docker "} + opening.facts.version +
                               " answers on " + config_.socket + ", API " + opening.facts.used_api +
                               (again ? "; it was restarted" : ""));
    for (const std::string& warning : opening.facts.warnings) node_.log(Level::warn, warning);
    publish_engine();
    set_trouble({}); // ends wait_for_engine: a registration reads what was published
    for (const auto& [id, server] : servers_) server->back(again);
    name_foreign_containers();
}

void Fleet::went_away(const engine::Error& error)
{
    set_trouble(problem_of(error));
    node_.log(Level::warn,
              error.text + " Servers keep their desired state; agenthost keeps trying to connect.");
    if (std::exchange(away_, true)) return;
    images_.give_up({code::docker_error, error.text});
    for (const auto& [id, server] : servers_) server->away();
    publish_engine();
}

void Fleet::silent(const std::optional<engine::Error>& error)
{
    if (error)
        set_trouble(problem_of(*error));
    else if (!away_)
        set_trouble({}); // else when the stream is open again
}

void Fleet::on_event(const engine::Event& event)
{
    const auto label = event.labels.find(server_label);
    if (label == event.labels.end() || of_another_agent(event.labels)) return;
    if (ServerShell* const server = find(label->second)) server->event(event);
}

bool Fleet::of_another_agent(const engine::Labels& labels) const
{
    const auto owner = labels.find(owner_label);
    return owner != labels.end() && owner->second != node_.owner;
}

void Fleet::name_foreign_containers()
{
    client_.list(server_label, [this, alive = std::weak_ptr{alive_}](
                                   const engine::Result<std::vector<engine::ContainerRow>>& rows) {
        if (alive.expired() || !rows) return;
        for (const engine::ContainerRow& row : rows.value()) {
            const auto label = row.labels.find(server_label);
            if (label == row.labels.end()) continue;
            const bool known = servers_.contains(label->second), other = of_another_agent(row.labels);
            if (known != other) continue; // ours, or a server of another agent that we do not have
            if (foreign_.size() >= max_foreign || !foreign_.insert(row.name).second) continue;
            if (other)
                node_.log(Level::warn, "container " + row.name +
                                           " belongs to another agent on this engine, "
                                           "which has a server " +
                                           label->second +
                                           " as well. They cannot both use "
                                           "the same container name: give one of them another id.");
            else
                node_.log(Level::warn,
                          "container " + row.name + " belongs to the server " + label->second +
                              ", which this agent does not know. It is left alone; remove it, or "
                              "create the server again.");
        }
    });
}

// ---- servers ----

ServerShell* Fleet::find(std::string_view id)
{
    const auto at = servers_.find(id);
    return at == servers_.end() ? nullptr : at->second.get();
}

// What the server needs of this node, into `stored`.
std::optional<Problem> Fleet::plan(const Creation& creation, store::StoredServer& stored) const
{
    try {
        const ServerPlan plan = plan_server(creation.spec, node_.policy);
        stored.claim = ledger::claim_of(plan);
        stored.spec_hash = spec_hash(plan.server, node_.policy);
        if (engine_ && engine_->cores > 0 &&
            plan.server.nano_cpus > static_cast<std::uint64_t>(engine_->cores) * 1'000'000'000)
            return Problem{code::insufficient_resources, "limits.cpu is more than the " +
                                                             std::to_string(engine_->cores) +
                                                             " cores of this node. Lower it."};
    } catch (...) {
        return problem_of_exception();
    }
    return std::nullopt;
}

// Why no server is created now.
std::optional<Problem> Fleet::refusal() const
{
    if (away_) return trouble();
    if (draining_) return Problem{code::busy, "the agent is stopping. Try again later."};
    return std::nullopt;
}

void Fleet::create(Creation creation)
{
    const std::string id = creation.spec.id;
    if (creating_.contains(id))
        return creation.refused({code::busy, "the server " + id + " is being created."});
    if (const ServerShell* const known = find(id)) {
        if (known->ending())
            return creation.refused(
                {code::busy, "the server " + id + " is being deleted. Create it again when that is done."});
        if (known->payload_hash() == base::hex(base::sha256(creation.payload))) return repeat(creation);
        return creation.refused(
            problem(code::server_exists, "the server " + id + " exists already, with another configuration"));
    }
    if (const auto refused = refusal()) return creation.refused(*refused);
    store::StoredServer stored;
    stored.id = id;
    stored.spec = creation.payload;
    stored.created_ms = utc_ms();
    if (const auto refused = plan(creation, stored)) return creation.refused(*refused);
    // Now, so that two creations at the same time do not get the same port.
    if (const auto refused = ledger_.claim(stored.claim)) return creation.refused(*refused);
    creating_.insert(id);
    const auto waiting = std::make_shared<Creation>(std::move(creation));
    std::vector<ledger::HostPort> ports = stored.claim.ports;
    ask_strangers(id, std::move(ports), [this, waiting, stored](const std::vector<ledger::Stranger>& found) {
        admit(waiting, stored, found);
    });
}

// A creation that came before. It has been cut short if it was stored and not begun.
void Fleet::repeat(Creation& creation)
{
    ServerShell& known = *servers_.at(creation.spec.id);
    const server::Record& record = known.record();
    if (record.install == server::Install::missing && record.goal == server::Goal::none)
        return known.power(std::move(creation.power), std::move(creation.answer));
    creation.exists(known);
}

// Calls back once: with the holder of a port, or with nobody, also when that takes too long.
void Fleet::ask_strangers(const std::string& id, std::vector<ledger::HostPort> ports,
                          std::function<void(const std::vector<ledger::Stranger>&)> then)
{
    const auto timer = std::make_shared<boost::asio::steady_timer>(client_.io());
    const auto once = [then = std::move(then), over = std::make_shared<bool>(false), timer,
                       alive = std::weak_ptr{alive_}](const std::vector<ledger::Stranger>& found) {
        if (alive.expired() || std::exchange(*over, true)) return;
        timer->cancel();
        then(found);
    };
    timer->expires_after(max_port_check);
    timer->async_wait([once](boost::system::error_code failed) {
        if (!failed) once({});
    });
    find_strangers(node_, id, std::move(ports), once);
}

void Fleet::admit(const std::shared_ptr<Creation>& creation, const store::StoredServer& stored,
                  const std::vector<ledger::Stranger>& strangers)
{
    auto refused = refusal(); // the question took time
    if (!refused) refused = ledger_.claim(stored.claim, strangers);
    if (refused) {
        creating_.erase(stored.id);
        ledger_.release(stored.id);
        return creation->refused(*refused);
    }
    for (const std::string& note : creation->spec.notes) node_.log(Level::warn, stored.id + ": " + note);
    if (leftover_.erase(stored.id) > 0) // makes room
        records_.remove(stored.id, [](const std::optional<Problem>&) {});
    records_.add(stored, [this, creation, stored](const std::optional<Problem>& refused) {
        this->stored(std::move(*creation), stored, refused);
    });
}

void Fleet::stored(Creation creation, const store::StoredServer& stored,
                   const std::optional<Problem>& problem)
{
    creating_.erase(stored.id);
    if (problem) {
        ledger_.release(stored.id);
        return creation.refused(*problem);
    }
    add(stored, std::move(creation.spec));
    ServerShell& server = *servers_.at(stored.id);
    if (!away_) server.back(false);
    server.power(std::move(creation.power),
                 [this, id = stored.id, answer = std::move(creation.answer)](const server::Answer& given) {
                     if (given.verdict != server::Verdict::refused) return answer(given);
                     withdraw(id, [answer, given] { answer(given); });
                 });
}

// Its installation was refused: nothing of it is to be left. Called by the server, so it is destroyed later.
void Fleet::withdraw(const std::string& id, std::function<void()> then)
{
    creating_.insert(id);
    withdrawn_.insert(servers_.extract(id));
    records_.remove(id, [this, id, then = std::move(then)](const std::optional<Problem>& problem) {
        if (problem) {
            leftover_.insert(id);
            node_.log(Level::error, "server " + id +
                                        " was not created, but it is listed after the next start of the "
                                        "agent; delete it then, or create it again: " +
                                        problem->message);
        }
        withdrawn_.erase(id);
        creating_.erase(id);
        ledger_.release(id);
        then();
    });
}

// ---- reports ----

void Fleet::poll()
{
    for (const auto& [id, server] : servers_)
        if (!away_) server->poll();
    poll_timer_.expires_after(poll_interval);
    poll_timer_.async_wait([this](boost::system::error_code failed) {
        if (!failed) poll();
    });
}

void Fleet::report_usage()
{
    for (const auto& [id, server] : servers_) {
        server->ask_players();
        const Usage* const usage = server->measure();
        if (usage == nullptr) continue;
        const auto limit = server->spec().limits.memory.value_or(usage->memory_limit);
        const std::optional<DiskUse> disk = outputs_.disk_use(*server);
        if (!disk && usage->observed < first_count) continue;
        outputs_.emit("docker.resource_update", usage_event(id, *usage, limit, disk));
    }
    usage_timer_.expires_after(config_.stats_interval);
    usage_timer_.async_wait([this](boost::system::error_code failed) {
        if (!failed) report_usage();
    });
}

void Fleet::publish_count()
{
    int up = 0;
    for (const auto& [id, server] : servers_) up += is_up(server->state()) ? 1 : 0;
    if (std::exchange(published_count_, up) != up) outputs_.publish("active_servers", std::to_string(up));
}

void Fleet::publish_engine()
{
    if (!engine_) return;
    const auto& facts = *engine_;
    const char* const name = facts.podman ? "podman" : "docker";
    outputs_.publish("docker", base::json_object("engine", name, "version", facts.version, "api",
                                                 facts.used_api, "away", away_));
    // Facts are sent with heartbeats only; a hub must not wait for one to place servers here again.
    if (std::exchange(published_away_, away_) != away_)
        outputs_.emit("docker.engine_changed",
                      base::json_object("name", name, "version", facts.version, "away", away_));
    const std::string capabilities = base::json_object(
        "dockerVersion", facts.version, "maxMemory", std::to_string(facts.memory >> 20) + "MB", "maxCpuCores",
        facts.cores, "supportedArchitectures", std::vector<std::string>{architecture_of(facts.architecture)});
    if (std::exchange(published_capabilities_, capabilities) == capabilities) return;
    outputs_.publish("machine_capabilities", capabilities);
    // A registration is sent once; the engine may have been installed or upgraded since.
    outputs_.emit("docker.capabilities_changed", capabilities);
}

void Fleet::set_trouble(Problem trouble)
{
    const std::scoped_lock lock{trouble_mutex_};
    trouble_ = std::move(trouble);
    has_looked_ = true;
    looked_.notify_all();
}

void Fleet::wait_for_engine(std::chrono::milliseconds max)
{
    std::unique_lock lock{trouble_mutex_};
    looked_.wait_for(lock, max, [this] { return has_looked_; });
}

Problem Fleet::trouble() const
{
    const std::scoped_lock lock{trouble_mutex_};
    return trouble_;
}

} // namespace agenthost::docker::service
