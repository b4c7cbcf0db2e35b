#include "server_calls.hpp"

#include "config_files.hpp"
#include "folders.hpp"
#include "port_strangers.hpp"
#include "ports.hpp"
#include "problem.hpp"

#include "plugins/docker/spec/create_body.hpp"
#include "plugins/docker/spec/read_back.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <utility>

namespace agenthost::docker::service {

namespace {

using server::Outcome;
using server::Verb;

// An event stream notices the end of its engine at once; more than this is never needed.
constexpr std::chrono::seconds unreachable_delay{2};

server::ContainerFacts facts_of(const engine::ContainerFacts& shown)
{
    server::ContainerFacts facts;
    if (shown.running || shown.paused || shown.status == "restarting")
        facts.is = server::Container::running;
    else if (shown.started_ns > 0)
        facts.is = server::Container::exited;
    else
        facts.is = server::Container::created;
    if (facts.is != server::Container::created) facts.run = shown.id + "@" + std::to_string(shown.started_ns);
    facts.exit_code = shown.exit_code;
    facts.oom = shown.oom_killed;
    return facts;
}

std::string list_of(const std::vector<PortMapping>& ports)
{
    std::string text;
    for (const PortMapping& port : ports) text += (text.empty() ? "" : ", ") + port_text(port);
    return text;
}

} // namespace

struct ServerCalls::Creation {
    Number number = 0;
    bool installer = false, retried = false;
    ServerPlan plan;
    ContainerPlan container;
    std::string body, hash;
    std::vector<std::string> misses; // of the configuration files
};

ServerCalls::ServerCalls(NodeContext& node, const ServerSpec& spec, std::string folder,
                         std::shared_ptr<ServerLife> life, Handlers handlers)
    : node_{node}, spec_{spec}, name_{container_name(spec.id)}, folder_{std::move(folder)}, life_{std::move(
                                                                                                life)},
      own_{node.client, spec.id, node.owner, node.policy.data_dir + "/" + spec.id}, handlers_{
                                                                                        std::move(handlers)}
{}

void ServerCalls::begin(const server::Call& call)
{
    switch (call.verb) {
    case Verb::inspect: return inspect(call.number);
    case Verb::check_ports: return check_ports(call.number);
    case Verb::pull: return pull(call.number, spec_.image);
    case Verb::pull_installer: return pull(call.number, spec_.installer->image);
    case Verb::create: return create(call.number);
    case Verb::start: return start(call.number);
    case Verb::signal: return signal(call.number, call.text);
    case Verb::kill: return signal(call.number, "SIGKILL");
    case Verb::type:
        return handlers_.type(call.text, bound([this, number = call.number](const std::string& why) {
                                  if (why.empty()) return done(number);
                                  done(number, Outcome::failed, {"DOCKER_ERROR", why});
                              }));
    case Verb::run_installer: return run_installer(call.number);
    case Verb::remove_installer: return remove_installer(call.number);
    case Verb::remove_all: return remove_all(call.number);
    case Verb::remove_files: return remove_files(call.number);
    }
}

// ---- answers ----

void ServerCalls::done(Number number, Outcome outcome, Problem problem)
{
    boost::asio::post(node_.client.io(), bound([this, number, outcome, problem = std::move(problem)] {
                          handlers_.feed(server::Done{number, outcome, problem});
                      }));
}

void ServerCalls::failed(Number number, const engine::Error& error)
{
    later(error, [this, number, error] {
        handlers_.feed(server::Done{number, outcome_of(error), problem_of(error)});
    });
}

void ServerCalls::later(const engine::Error& error, std::function<void()> tell)
{
    const bool vanished = error.cause == engine::Cause::unreachable;
    const auto timer = std::make_shared<boost::asio::steady_timer>(node_.client.io());
    timer->expires_after(vanished ? unreachable_delay : std::chrono::seconds{0});
    timer->async_wait(bound([timer, tell = std::move(tell)](boost::system::error_code) { tell(); }));
}

void ServerCalls::on_disk(Number number, std::function<void()> work, std::function<void()> then)
{
    on_pool(node_.pools.disk, number, std::move(work), std::move(then));
}

void ServerCalls::on_pool(const boost::asio::any_io_executor& pool, Number number, std::function<void()> work,
                          std::function<void()> then)
{
    boost::asio::post(pool, [this, number, work = std::move(work), then = std::move(then),
                             io = &node_.client.io(), alive = std::weak_ptr{alive_}]() mutable {
        Problem problem;
        try {
            work();
        } catch (...) {
            problem = problem_of_exception();
        }
        boost::asio::post(*io, [this, number, problem, then = std::move(then), alive] {
            if (alive.expired()) return;
            if (problem.code.empty()) return then();
            done(number, Outcome::failed, problem);
        });
    });
}

// ---- inspect ----

void ServerCalls::remember(const OwnContainers::Survey& found)
{
    container_ = found.server.empty() ? "" : found.server.front().id;
    installer_ = found.installer.empty() ? "" : found.installer.front().id;
}

void ServerCalls::survey(Number number, std::function<void(const OwnContainers::Survey&)> then)
{
    own_.survey(
        bound([this, number, then = std::move(then)](const engine::Result<OwnContainers::Survey>& found) {
            if (!found) return failed(number, found.error());
            remember(found.value());
            end_others(found.value(), 1, then);
        }));
}

// Only one container of a server may run: two write into one folder.
void ServerCalls::end_others(const OwnContainers::Survey& found, std::size_t at,
                             std::function<void(const OwnContainers::Survey&)> then)
{
    while (at < found.server.size() &&
           facts_of(found.server[at]).is != server::Container::running) // running ones first
        ++at;
    if (at >= found.server.size()) return then(found);
    handlers_.warn(
        "the containers " + found.server.front().name + " and " + found.server[at].name +
        " ran at the same time on one folder. The second one was killed; find out who started it.");
    node_.client.signal(
        found.server[at].id, "SIGKILL",
        bound([this, found, at, then = std::move(then)](const auto&) { end_others(found, at + 1, then); }));
}

void ServerCalls::inspect(Number number)
{
    const auto facts = std::make_shared<server::Facts>();
    const auto refuse = [this, number](const engine::Error& error) {
        later(error, [this, number, error] {
            handlers_.feed(server::Seen{number, outcome_of(error), {}, problem_of(error)});
        });
    };
    const auto seen = [this, number, facts] {
        handlers_.feed(server::Seen{number, Outcome::ok, *facts, {}});
    };
    if (container_.empty()) return survey_for_inspect(facts, seen, refuse);
    node_.client.inspect(
        container_, bound([this, facts, seen, refuse](const engine::Result<engine::ContainerFacts>& shown) {
            if (!shown && shown.error().cause == engine::Cause::not_found)
                return survey_for_inspect(facts, seen, refuse); // another one may have its place
            if (!shown) return refuse(shown.error());
            facts->server = facts_of(shown.value());
            handlers_.on_view(&shown.value());
            look_at_installer(facts, seen, refuse);
        }));
}

void ServerCalls::look_at_installer(const std::shared_ptr<server::Facts>& facts, std::function<void()> seen,
                                    std::function<void(const engine::Error&)> refuse)
{
    if (installer_.empty()) return seen();
    node_.client.inspect(installer_, bound([this, facts, seen = std::move(seen), refuse = std::move(refuse)](
                                               const engine::Result<engine::ContainerFacts>& shown) {
                             if (!shown && shown.error().cause != engine::Cause::not_found)
                                 return refuse(shown.error());
                             if (shown)
                                 facts->installer = facts_of(shown.value());
                             else
                                 installer_.clear();
                             seen();
                         }));
}

void ServerCalls::survey_for_inspect(const std::shared_ptr<server::Facts>& facts, std::function<void()> seen,
                                     std::function<void(const engine::Error&)> refuse)
{
    own_.survey(bound([this, facts, seen = std::move(seen),
                       refuse = std::move(refuse)](const engine::Result<OwnContainers::Survey>& found) {
        if (!found) return refuse(found.error());
        remember(found.value());
        end_others(found.value(), 1, [this, facts, seen](const OwnContainers::Survey& all) {
            if (!all.installer.empty()) facts->installer = facts_of(all.installer.front());
            if (!all.server.empty()) facts->server = facts_of(all.server.front());
            handlers_.on_view(all.server.empty() ? nullptr : &all.server.front());
            seen();
        });
    }));
}

// ---- ports ----

void ServerCalls::check_ports(Number number)
{
    std::vector<ledger::HostPort> ports;
    try {
        ports = ledger::claim_of(plan_server(spec_, node_.policy)).ports;
    } catch (...) {
        return done(number, Outcome::failed, problem_of_exception());
    }
    find_strangers(node_, spec_.id, std::move(ports),
                   bound([this, number](const std::vector<ledger::Stranger>& found) {
                       if (found.empty()) return done(number);
                       const ledger::Stranger& one = found.front();
                       done(number, Outcome::failed,
                            {code::port_conflict, "host port " + port_text(one.port) + " of " + spec_.id +
                                                      " is used by " + one.name +
                                                      ". Stop it, or give the server another port."});
                   }));
}

// ---- images ----

void ServerCalls::pull(Number number, const ImageRef& image)
{
    Images::Handlers on;
    on.on_progress =
        bound([this, image](const engine::PullProgress& progress) { handlers_.on_pull(image, progress); });
    on.on_end = bound([this, number](const std::optional<Problem>& problem, const std::string& warning) {
        pulls_.erase(number);
        if (!warning.empty()) handlers_.warn(warning);
        if (problem)
            done(number, Outcome::failed, *problem);
        else
            done(number);
    });
    pulls_[number] = node_.images.ensure(image, std::move(on));
}

void ServerCalls::cancel_pull(Number number)
{
    const auto at = pulls_.find(number);
    if (at == pulls_.end()) return;
    node_.images.cancel(at->second);
    pulls_.erase(at);
}

// ---- containers ----

void ServerCalls::create(Number number)
{
    const auto creation = std::make_shared<Creation>();
    creation->number = number;
    prepare(creation);
}

void ServerCalls::run_installer(Number number)
{
    const auto creation = std::make_shared<Creation>();
    creation->number = number;
    creation->installer = true;
    prepare(creation);
}

void ServerCalls::prepare(const std::shared_ptr<Creation>& creation)
{
    try {
        creation->plan = plan_server(spec_, node_.policy); // the policy may have changed since it was created
        creation->container = creation->installer ? creation->plan.installer.value() : creation->plan.server;
        creation->body = create_body(creation->container, node_.policy, node_.owner);
        creation->hash = spec_hash(creation->container, node_.policy);
    } catch (...) {
        return done(creation->number, Outcome::failed, problem_of_exception());
    }
    on_disk(
        creation->number,
        [creation, policy = node_.policy, limit_disk = node_.limit_disk,
         scope = scope_of(node_.config.policy, spec_, life_)] {
            prepare_folder(policy, creation->plan.server.server_id);
            limit_disk(scope);
            if (creation->installer)
                prepare_install(creation->plan, policy);
            else
                creation->misses = edit_config_files(creation->plan, policy);
        },
        [this, creation] {
            for (const std::string& miss : creation->misses) handlers_.warn(miss);
            make_way(creation);
        });
}

// Removes the older containers of this server, whatever their names are.
void ServerCalls::make_way(const std::shared_ptr<Creation>& creation)
{
    survey(creation->number, [this, creation](const OwnContainers::Survey& found) {
        const auto& old = creation->installer ? found.installer : found.server;
        if (old.empty()) return clear_name(creation);
        const engine::ContainerFacts& first = old.front();
        const auto hash = first.labels.find(spec_label);
        const bool same = hash != first.labels.end() && hash->second == creation->hash &&
                          first.name == creation->container.name;
        if (!creation->installer && (first.running || (first.started_ns == 0 && same && old.size() == 1)))
            return done(creation->number); // as it should be, or somebody started it just now
        std::vector<std::string> ids;
        for (const engine::ContainerFacts& each : old) ids.push_back(each.id);
        const auto remove = [this, creation, ids] {
            remove_each(creation->number, ids, [this, creation] { clear_name(creation); });
        };
        if (creation->installer)
            remove();
        else
            handlers_.before_replacing(bound(remove));
    });
}

void ServerCalls::remove_each(Number number, std::vector<std::string> ids, std::function<void()> then)
{
    if (ids.empty()) return then();
    const std::string id = std::move(ids.back());
    ids.pop_back();
    node_.client.remove(id, {.force = true},
                        bound([this, number, ids = std::move(ids),
                               then = std::move(then)](const engine::Result<engine::Removed>& removed) {
                            if (!removed) return failed(number, removed.error());
                            remove_each(number, ids, then);
                        }));
}

// What has the name now is not ours.
void ServerCalls::clear_name(const std::shared_ptr<Creation>& creation)
{
    node_.client.inspect(
        creation->container.name,
        bound([this, creation](const engine::Result<engine::ContainerFacts>& shown) {
            if (!shown && shown.error().cause == engine::Cause::not_found) return make(creation);
            if (!shown) return failed(creation->number, shown.error());
            if (own_.ownership(shown.value()) == Ownership::ours) return make(creation); // created just now
            done(creation->number, Outcome::failed, {"CONFIG_INVALID", own_.in_the_way(shown.value())});
        }));
}

void ServerCalls::make(const std::shared_ptr<Creation>& creation)
{
    node_.client.create(creation->container.name, creation->body,
                        bound([this, creation](const engine::Result<engine::Created>& created) {
                            if (created) return made(creation, created.value());
                            const bool taken = created.error().cause == engine::Cause::conflict;
                            if (taken && !std::exchange(creation->retried, true)) return make_way(creation);
                            failed(creation->number, created.error());
                        }));
}

// Says what the engine did not do of what was asked.
void ServerCalls::made(const std::shared_ptr<Creation>& creation, const engine::Created& created)
{
    (creation->installer ? installer_ : container_) = created.id;
    for (const std::string& warning : created.warnings) handlers_.warn("the engine warns: " + warning);
    node_.client.inspect(created.id,
                         bound([this, creation](const engine::Result<engine::ContainerFacts>& shown) {
                             if (!shown) return failed(creation->number, shown.error());
                             for (const std::string& line : read_back(creation->body, shown->json))
                                 handlers_.warn(line);
                             if (creation->installer) return launch(creation->number, shown->id);
                             done(creation->number);
                         }));
}

void ServerCalls::start(Number number)
{
    if (container_.empty())
        return done(number, Outcome::not_found,
                    {"CONTAINER_NOT_FOUND", "the container of " + spec_.id + " does not exist."});
    launch(number, container_);
}

void ServerCalls::launch(Number number, const std::string& container)
{
    node_.client.start(container, bound([this, number](const engine::Result<engine::Started>& started) {
                           if (started) return done(number);
                           if (started.error().cause == engine::Cause::port_in_use)
                               return explain_port(number, started.error());
                           failed(number, started.error());
                       }));
}

// The engine says that a port is taken, but not by whom.
void ServerCalls::explain_port(Number number, const engine::Error& error)
{
    std::vector<PortMapping> ports;
    try {
        ports = plan_server(spec_, node_.policy).server.ports;
    } catch (const std::exception&) {
        return failed(number, error);
    }
    const auto tell = [this, number, ports](const PortMapping& which, const std::string& holder) {
        const std::string port = which.host != 0 ? port_text(which) : list_of(ports);
        done(number, Outcome::failed,
             {"PORT_CONFLICT", "host port " + port + " of " + spec_.id + " is used by " + holder +
                                   ". Stop it, or give the server another port."});
    };
    node_.client.list(
        "", bound([this, number, ports, tell](const engine::Result<std::vector<engine::ContainerRow>>& rows) {
            PortMapping which;
            if (rows)
                if (const auto holder = holder_among(rows.value(), ports, name_, &which))
                    return tell(which, *holder);
            const auto found = std::make_shared<std::pair<PortMapping, std::string>>();
            on_disk(
                number,
                [ports, found] {
                    found->second = holder_in_proc(ports, &found->first).value_or("another program");
                },
                [found, tell] { tell(found->first, found->second); });
        }));
}

void ServerCalls::signal(Number number, const std::string& signal)
{
    const auto send = [this, number, signal] {
        node_.client.signal(container_, signal,
                            bound([this, number](const engine::Result<engine::Done>& sent) {
                                if (sent) return done(number);
                                if (sent.error().cause == engine::Cause::conflict) // it does not run
                                    return done(number, Outcome::not_found, problem_of(sent.error()));
                                failed(number, sent.error());
                            }));
    };
    if (!container_.empty()) return send();
    survey(number, [this, number, send](const OwnContainers::Survey& found) {
        if (!found.server.empty()) return send();
        done(number, Outcome::not_found,
             {"CONTAINER_NOT_FOUND", "the container of " + spec_.id + " does not exist."});
    });
}

// ---- removing ----

void ServerCalls::remove_installer(Number number)
{
    const auto remove = [this, number](const std::string& id) {
        node_.client.remove(id, {.force = true},
                            bound([this, number](const engine::Result<engine::Removed>& removed) {
                                if (!removed) return failed(number, removed.error());
                                on_pool(
                                    node_.pools.bulk, number,
                                    [dir = node_.policy.data_dir, id = spec_.id] { remove_install(dir, id); },
                                    [this, number] { done(number); });
                            }));
    };
    // Its log is what people need when it has failed.
    const auto read_log = [this, number, remove](const std::string& id) {
        const auto text = std::make_shared<std::string>();
        engine::LogOptions options;
        options.follow = false;
        options.tail = 1000;
        engine::LogHandlers on;
        on.on_part = [text](const engine::LogPart& part) {
            if (text->size() > 2 * max_install_log) text->erase(0, max_install_log);
            text->append(part.text);
            if (part.ends_line) *text += '\n';
        };
        on.on_end = bound([this, number, text, remove, id](const std::optional<engine::Error>&) {
            on_disk(
                number, [folder = folder_, text] { save_install_log(folder, *text); },
                [remove, id] { remove(id); });
        });
        node_.client.logs(id, options, std::move(on));
    };
    survey(number, [this, number, read_log](const OwnContainers::Survey& found) {
        if (found.installer.empty()) return done(number);
        const engine::ContainerFacts& first = found.installer.front();
        if (!first.running) return read_log(first.id);
        node_.client.signal(first.id, "SIGKILL",
                            bound([read_log, id = first.id](const auto&) { read_log(id); }));
    });
}

// All that carry our labels for this server; those of others are left alone.
void ServerCalls::remove_all(Number number)
{
    survey(number, [this, number](const OwnContainers::Survey& found) {
        std::vector<std::string> ids;
        for (const auto* list : {&found.server, &found.installer})
            for (const engine::ContainerFacts& each : *list) ids.push_back(each.id);
        remove_each(number, std::move(ids), [this, number] { done(number); });
    });
}

void ServerCalls::remove_files(Number number)
{
    auto remove = bound([this, number] {
        on_pool(
            node_.pools.bulk, number,
            [dir = node_.policy.data_dir, free_disk = node_.free_disk,
             scope = scope_of(node_.config.policy, spec_, life_)] {
                remove_folders(dir, scope.id);
                free_disk(scope);
            },
            [this, number] { done(number); });
    });
    life_->end([io = &node_.client.io(), remove = std::move(remove)]() mutable {
        boost::asio::post(*io, std::move(remove)); // the last job's thread may call this
    });
}

} // namespace agenthost::docker::service
