#include "service.hpp"

#include "events_json.hpp"
#include "folders.hpp"
#include "params.hpp"
#include "status_json.hpp"

#include "plugins/docker/spec/egg.hpp"
#include "plugins/docker/spec/image_ref.hpp"

#include "base/fd.hpp"
#include "base/json_writer.hpp"

#include <boost/asio/post.hpp>

#include <fcntl.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <utility>

namespace agenthost::docker::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t bulk_threads = 2;
constexpr std::size_t disk_threads = 2; // one may wait for a slow disk; states have a thread of their own
constexpr auto progress_interval = 500ms;
constexpr auto first_look = 1s; // an engine answers in a few ms; one that does not is waited for elsewhere

// What a library throws when it cannot open something does not say so in a way that can be tested.
bool no_descriptor_left()
{
    const base::Fd probe{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    return !probe && (errno == EMFILE || errno == ENFILE);
}

Error error_of(const std::exception& e)
{
    if (no_descriptor_left())
        return Error{"INSUFFICIENT_RESOURCES",
                     "the agent has no file descriptor left. Raise its limit of open files (LimitNOFILE= of "
                     "its unit), or find what holds them: ls /proc/PID/fd",
                     AGH_E_BUSY};
    return Error{"INTERNAL", e.what(), AGH_E_INTERNAL};
}

} // namespace

Service::Service(Context& context, Config config)
    : context_{context}, config_{std::move(config)}, io_{context}, disk_{disk_threads}, bulk_{bulk_threads},
      roots_{quotas()}, files_{roots_}, transfers_{context, roots_, config_.transfers}
{}

Service::~Service()
{
    transfers_.stop();
    files_.stop();
    roots_.stop();
    io_.stop();
    disk_.stop();
    bulk_.stop();
    disk_.join();
    bulk_.join();
    fleet_.reset();
    client_.reset();
}

// ---- life ----

Fleet::Outputs Service::outputs()
{
    return {.emit = [this](std::string_view topic, const std::string& json) { context_.emit(topic, json); },
            .publish = [this](std::string_view key, const std::string& json) { context_.publish(key, json); },
            .log = [this](Level level, const std::string& text) { context_.log(level, text); },
            .deleted = [this](const std::string& id) { roots_.forget(id); },
            .disk_use = [this](const ServerShell& server) { return usage_of(server); },
            .limit_disk = [this](const FileScope& scope) { roots_.prepare(scope); },
            .free_disk = [this](const FileScope& scope) { roots_.end(scope); }};
}

DiskQuotas::Options Service::quotas()
{
    DiskQuotas::Options options;
    options.first_project = config_.quota_first_project;
    options.keep = [this](const std::string& id, std::uint32_t project) {
        fleet_->records().keep_project(id, project);
    };
    options.log = [this](Level level, const std::string& text) { context_.log(level, text); };
    options.counts = [this](bool kernel, const std::string& why) {
        context_.publish("disk_limits", kernel ? base::json_object("countedBy", "kernel")
                                               : base::json_object("countedBy", "agent", "reason", why));
    };
    return options;
}

// Every stored server, also one whose configuration cannot be read, keeps its project.
void Service::adopt_folders(const store::Store::Loaded& stored)
{
    for (const auto& [id, project] : stored.projects) roots_.restore(id, project);
    std::vector<FileScope> scopes;
    for (const auto& [id, server] : fleet_->servers()) scopes.push_back(scope_of(*server));
    roots_.adopt(config_.policy.data_dir, std::move(scopes));
}

void Service::start()
{
    const std::string state{context_.state_directory()};
    if (state.empty())
        throw Error{"INTERNAL", "the host has no folder for states (agenthost.state/1)", AGH_E_UNSUPPORTED};
    engine::Client::Options options;
    options.socket = config_.socket;
    client_ = std::make_unique<engine::Client>(io_.context(), options);
    store::Opened opened = store::open_store(state + "/servers.db");
    damage_ = opened.degraded;
    fleet_ = std::make_unique<Fleet>(*client_, config_, std::move(opened.store),
                                     Pools{disk_.get_executor(), bulk_.get_executor()}, state, outputs());
    fleet_->load(opened.content);
    adopt_folders(opened.content);
    boost::asio::post(io_.context(), [this] { fleet_->start(); });
    io_.start();
    fleet_->wait_for_engine(first_look); // so that a registration names its version
}

void Service::drain()
{
    draining_ = true;
    if (!fleet_) return;
    boost::asio::post(io_.context(), [this] { fleet_->drain(); });
}

Health Service::health()
{
    if (!fleet_) return {};
    if (!damage_.empty()) return {AGH_E_BUSY, damage_};
    if (const Problem trouble = fleet_->trouble(); !trouble.message.empty())
        return {AGH_E_BUSY, trouble.message};
    if (config_.policy.images.empty())
        return {AGH_E_BUSY,
                "no image is allowed: plugins.docker.config.allow_images is empty. Add patterns such "
                "as ghcr.io/pelican-eggs/*"};
    return {};
}

// ---- helpers ----

// A status without it is better than none.
std::optional<DiskUse> Service::usage_of(const ServerShell& server)
{
    try {
        return roots_.usage(scope_of(server));
    } catch (const std::exception&) {
        return std::nullopt; // no descriptor to count with
    }
}

template <class Work> void Service::on_engine(Request request, Work work)
{
    if (draining_) {
        request.fail("BUSY", "the agent is stopping. Try again when it is back.", {}, not_started);
        return;
    }
    const auto shared = std::make_shared<Request>(std::move(request));
    boost::asio::post(io_.context(), [shared, work = std::move(work)]() mutable {
        try {
            work(shared);
        } catch (const Error& e) {
            shared->fail(e, not_started);
        } catch (const std::exception& e) {
            shared->fail(error_of(e), not_started);
        }
    });
}

// `work(shared, server)`.
template <class Work> void Service::on_server(Request request, Work work)
{
    std::string id = server_id(request);
    on_engine(
        std::move(request), [this, id = std::move(id), work = std::move(work)](const Shared& shared) mutable {
            ServerShell* const server = fleet_->find(id);
            if (server == nullptr)
                throw Error{"SERVER_NOT_FOUND",
                            "no server " + id + " on this agent; list_servers names the servers that exist",
                            AGH_E_NOT_FOUND};
            work(shared, *server);
        });
}

// ---- power ----

void Service::answer_power(Request& request, const std::string& id, const server::Answer& answer,
                           const char* message)
{
    using server::Verdict;
    const Problem& problem = answer.problem;
    switch (answer.verdict) {
    case Verdict::refused: request.fail(problem.code, problem.message, {}, not_started); return;
    case Verdict::failed:
    case Verdict::cancelled: request.fail(problem.code, problem.message); return;
    case Verdict::ok: break;
    }
    std::string out;
    base::JsonWriter json{out};
    json.object().member("message", problem.message.empty() ? message : problem.message);
    json.member("serverId", id);
    if (const ServerShell* const server = fleet_->find(id)) {
        json.member("status", server::to_string(answer.status.value_or(server->state())));
        if (server->pulling()) json.member("pulling", *server->pulling());
    }
    if (answer.action > 0) json.member("actionNumber", answer.action);
    json.end();
    request.reply(out);
}

void Service::power(Request request, server::Power power, const char* message)
{
    power.id = next_id();
    on_server(std::move(request),
              [this, power = std::move(power), message](const Shared& shared, ServerShell& server) {
                  const std::string id = server.spec().id;
                  if (const Problem trouble = fleet_->trouble(); trouble.code == code::permission_denied) {
                      shared->fail(trouble.code, trouble.message, {}, not_started);
                      return;
                  }
                  shared->on_cancel([this, id, power_id = power.id] {
                      boost::asio::post(io_.context(), [this, id, power_id] {
                          if (ServerShell* const again = fleet_->find(id)) again->cancel(power_id);
                      });
                  });
                  server.power(power, [this, shared, id, message](const server::Answer& answer) {
                      answer_power(*shared, id, answer, message);
                  });
              });
}

void Service::create_server(Request request)
{
    std::string payload = create_payload(request);
    ServerSpec spec = read_create_server(payload);
    server::Power install;
    install.id = next_id();
    install.action = server::Action::install;
    install.then_start = wants_start(payload);
    on_engine(std::move(request), [this, payload = std::move(payload), spec = std::move(spec),
                                   install](const Shared& shared) mutable {
        constexpr const char* message = "Server creation command received";
        const std::string id = spec.id;
        Fleet::Creation creation;
        creation.spec = std::move(spec);
        creation.payload = std::move(payload);
        creation.power = install;
        creation.answer = [this, shared, id](const server::Answer& answer) {
            answer_power(*shared, id, answer, message);
        };
        creation.refused = [shared](const Problem& problem) {
            shared->fail(problem.code, problem.message, {}, not_started);
        };
        creation.exists = [shared](const ServerShell& server) {
            shared->reply(base::json_object("message", "The server exists already", "serverId",
                                            server.spec().id, "status", server::to_string(server.state()),
                                            "actionNumber", server.record().action));
        };
        fleet_->create(std::move(creation));
    });
}

void Service::start_server(Request request)
{
    server::Power start;
    start.action = server::Action::start;
    power(std::move(request), start, "Server start command received");
}

void Service::stop_server(Request request)
{
    server::Power stop = stop_options(request);
    stop.action = server::Action::stop;
    power(std::move(request), stop, "Server stop command received");
}

void Service::restart_server(Request request)
{
    server::Power restart = stop_options(request);
    restart.action = server::Action::restart;
    power(std::move(request), restart, "Server restart command received");
}

void Service::kill_server(Request request)
{
    server::Power kill;
    kill.action = server::Action::kill;
    power(std::move(request), kill, "Server killed");
}

void Service::delete_server(Request request)
{
    server::Power remove;
    remove.action = server::Action::remove;
    power(std::move(request), remove, "Server deleted");
}

void Service::reinstall_server(Request request)
{
    server::Power install;
    install.action = server::Action::install;
    install.then_start = wants_start(std::string{request.params()});
    power(std::move(request), install, "Server reinstallation command received");
}

// ---- questions ----

void Service::get_status(Request request)
{
    on_server(std::move(request), [this](const Shared& shared, ServerShell& server) {
        shared->reply(status_json(server, usage_of(server)));
        server.ask_players(); // for the next question
    });
}

void Service::list_servers(Request request)
{
    const ListQuestion question = list_question(request);
    on_engine(std::move(request), [this, question](const Shared& shared) {
        boost::asio::post(disk_, [this, shared, question] {
            boost::asio::post(io_.context(), [this, shared, question, node = read_node(config_.policy)] {
                shared->reply(list_json(*fleet_, question, node));
            });
        });
    });
}

// ---- the console ----

void Service::send_command(Request request)
{
    std::string line = command_line(request);
    on_server(std::move(request), [this, line = std::move(line)](const Shared& shared, ServerShell& server) {
        const std::string id = server.spec().id;
        if (const Problem trouble = fleet_->trouble(); !trouble.message.empty())
            throw Error{trouble.code, trouble.message};
        if (!server.view().running)
            throw Error{"CONTAINER_NOT_FOUND",
                        "no container of " + id + " is running: it is " +
                            std::string{server::to_string(server.state())} + ". Use start_server first.",
                        AGH_E_NOT_FOUND};
        if (const std::string standstill = server.standstill(); !standstill.empty())
            throw Error{"DOCKER_ERROR", standstill};
        server.send(line, [this, shared, id](const std::string& why) {
            if (!why.empty()) {
                // A game cannot read what the engine does not pass on.
                const Problem trouble = fleet_->trouble();
                if (trouble.message.empty())
                    shared->fail("DOCKER_ERROR", why);
                else
                    shared->fail(trouble.code, trouble.message);
                return;
            }
            shared->reply(base::json_object("message", "Command sent", "serverId", id));
        });
    });
}

void Service::get_logs(Request request)
{
    const LogQuestion question = log_question(request);
    on_server(std::move(request), [this, question](const Shared& shared, ServerShell& server) {
        if (question.install) return read_install_log(shared, server);
        server.read_log(question.query, [shared, id = server.spec().id](const console::Page& page) {
            shared->reply(page_json(id, page));
        });
    });
}

void Service::read_install_log(const Shared& shared, const ServerShell& server)
{
    boost::asio::post(disk_, [shared, id = server.spec().id, folder = server.folder()] {
        shared->reply(
            base::json_object("serverId", id, "source", "install", "text", load_install_log(folder)));
    });
}

// ---- files ----

void Service::file_action(Request request)
{
    std::string verb{request.action()};
    verb.erase(0, verb.find('.') + 1);
    const bool by_url = TransferActions::asked(verb, request.params());
    on_server(std::move(request), [this, verb = std::move(verb), by_url](const Shared& shared,
                                                                         ServerShell& server) {
        if (server.ending())
            throw Error{"SERVER_NOT_FOUND", server.spec().id + " is being deleted", AGH_E_NOT_FOUND};
        const FileScope scope = scope_of(server);
        if (by_url)
            transfers_.run(shared, scope, verb);
        else
            files_.run(shared, scope, verb);
    });
}

FileScope Service::scope_of(const ServerShell& server) const
{
    return service::scope_of(config_.policy, server.spec(), server.life());
}

// ---- images ----

void Service::image_pull(Request request)
{
    const ImageRef image = parse_image(text_param(request, "image", max_image_bytes), "image");
    if (!config_.policy.images.allows(image))
        throw Error{"CONFIG_INVALID", image.canonical() +
                                          " is not allowed on this node. Use an image of "
                                          "allow_images (" +
                                          config_.policy.images.text() + "), or add a pattern."};
    on_engine(std::move(request), [this, image](const Shared& shared) {
        if (fleet_->away()) throw Error{fleet_->trouble().code, fleet_->trouble().message};
        follow_pull(shared, image);
    });
}

void Service::follow_pull(const Shared& shared, const ImageRef& image)
{
    const auto told = std::make_shared<std::chrono::steady_clock::time_point>();
    const std::string name = image.canonical();
    Images::Handlers on;
    on.on_progress = [shared, told, name](const engine::PullProgress& progress) {
        const auto now = std::chrono::steady_clock::now();
        if (now - *told < progress_interval) return;
        *told = now;
        shared->progress(pull_event({}, name, progress));
    };
    on.on_end = [shared, name](const std::optional<Problem>& problem, const std::string&) {
        if (problem) {
            shared->fail(problem->code, problem->message);
            return;
        }
        shared->reply(base::json_object("message", "Image pulled", "image", name));
    };
    const Images::Ticket ticket = fleet_->images().pull(image, std::move(on));
    shared->on_cancel([this, ticket, weak = std::weak_ptr{shared}] {
        boost::asio::post(io_.context(), [this, ticket, weak] {
            fleet_->images().cancel(ticket);
            if (const auto request = weak.lock()) request->fail("CANCELLED", "the pull was cancelled");
        });
    });
}

} // namespace agenthost::docker::service
