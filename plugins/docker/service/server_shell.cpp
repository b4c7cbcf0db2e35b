#include "server_shell.hpp"

#include "events_json.hpp"

#include "base/hash.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <utility>

namespace agenthost::docker::service {

namespace {

using namespace std::chrono_literals;

// How long to wait for the end of a log: a container may be gone while its engine is slow.
constexpr auto log_end_timeout = 5s;
constexpr auto start_margin = 2s;
constexpr auto pull_interval = 1s; // between two events of one pull
constexpr auto forget_retry = 10s; // a deleted server leaves the list of a disk that was full this late

server::milliseconds steady_now()
{
    return std::chrono::duration_cast<server::milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
}

server::Settings settings_of(const ServerSpec& spec, const Config& config)
{
    server::Settings settings;
    settings.name = spec.id;
    settings.installer = spec.installer.has_value();
    settings.done_lines = !spec.done.empty();
    settings.stop_command = spec.stop.command;
    settings.stop_signal = spec.stop.signal;
    settings.stop_timeout =
        spec.stop.timeout.value_or(std::chrono::duration_cast<std::chrono::seconds>(config.stop_timeout));
    settings.install_timeout = config.install_timeout;
    settings.restart_after_crash = config.restart_after_crash;
    settings.crash_on_clean_exit = config.crash_on_clean_exit;
    settings.crash_limits = config.crash_limits;
    return settings;
}

std::string run_of(const engine::ContainerFacts& facts)
{
    return facts.id + "@" + std::to_string(facts.started_ns);
}

} // namespace

ServerShell::ServerShell(NodeContext& node, ServerSpec spec, const store::StoredServer& stored,
                         std::function<void()> on_gone)
    : node_{node}, spec_{std::move(spec)}, folder_{(node.state / "servers" / spec_.id).string()},
      payload_hash_{base::hex(base::sha256(stored.spec))}, on_gone_{std::move(on_gone)},
      machine_{settings_of(spec_, node.config), stored.record}, calls_{node, spec_, folder_, life_,
                                                                       call_handlers()},
      console_{std::make_unique<console::Console>(
          node.client, node.pools.disk,
          console::Console::Options{.folder = node.state / "servers" / spec_.id / "console"},
          console_handlers())}
{}

ServerShell::~ServerShell() = default;

const Players* ServerShell::players() const
{
    return query_ && view_.running && query_->players() ? &*query_->players() : nullptr;
}

void ServerShell::ask_players()
{
    if (spec_.query != Query::minecraft || machine_.state() != server::State::running) return;
    const auto port = std::find_if(spec_.ports.begin(), spec_.ports.end(),
                                   [](const PortMapping& each) { return each.transport == Transport::tcp; });
    if (port == spec_.ports.end()) return;
    if (!query_) {
        const auto bind = port->bind.value_or(node_.policy.addresses.front());
        query_ = std::make_unique<PlayersQuery>(node_.client.io(), bind.any() ? "127.0.0.1" : bind.text(),
                                                port->host);
    }
    query_->ask();
}

// ---- the machine ----

void ServerShell::feed(server::Input input)
{
    inputs_.push_back(std::move(input));
    pump();
}

void ServerShell::pump()
{
    if (std::exchange(pumping_, true)) return; // an effect led to another input: it waits for its turn
    while (!saving_) {
        if (!effects_.empty()) {
            const server::Effect effect = std::move(effects_.front());
            effects_.pop_front();
            std::visit([this](const auto& what) { on(what); }, effect);
        } else if (!inputs_.empty()) {
            const server::Input input = std::move(inputs_.front());
            inputs_.pop_front();
            step(input);
        } else {
            break;
        }
    }
    pumping_ = false;
}

void ServerShell::step(const server::Input& input)
{
    undo_.reset();
    if (const auto* power = std::get_if<server::Power>(&input)) undo_.emplace(Undo{machine_, *power});
    std::vector<server::Effect> effects = machine_.step(input, steady_now());
    const bool saves = !effects.empty() && std::holds_alternative<server::Save>(effects.front());
    if (unsaved_ && !saves && !machine_.gone())
        effects.insert(effects.begin(), server::Save{machine_.record()});
    for (server::Effect& effect : effects) effects_.push_back(std::move(effect));
    if (const auto* seen = std::get_if<server::Seen>(&input); seen && seen->outcome == server::Outcome::ok)
        view_.current = true;
}

void ServerShell::on(const server::Save& save)
{
    saving_ = true;
    node_.records.save(spec_.id, save.record,
                       [this, alive = std::weak_ptr{alive_}](const std::optional<Problem>& problem) {
                           if (alive.expired()) return;
                           saving_ = false;
                           saved(problem);
                           pump();
                       });
}

void ServerShell::saved(const std::optional<Problem>& problem)
{
    if (!problem) {
        unsaved_power_.clear();
        return unsaved_.reset();
    }
    if (undoes()) {
        const std::string action{server::to_string(undo_->power.action)};
        effects_.clear(); // of this step; none was carried out, because saving comes first
        effects_.emplace_back(server::Answer{undo_->power.id,
                                             server::Verdict::refused,
                                             {problem->code, action + " of " + spec_.id +
                                                                 " was not begun, because it cannot be "
                                                                 "stored: " +
                                                                 problem->message}});
        machine_ = std::move(undo_->before);
        undo_.reset();
        return;
    }
    if (!unsaved_)
        node_.log(Level::error, spec_.id +
                                    ": its state cannot be stored, so it may be wrong after the next restart "
                                    "of the agent: " +
                                    problem->message);
    unsaved_ = problem;
    if (undo_) unsaved_power_ = undo_->power.id;
}

// Whether the action of this step must not be carried out unless it is stored.
bool ServerShell::undoes() const
{
    if (!undo_) return false;
    switch (undo_->power.action) {
    case server::Action::install:
    case server::Action::start:
    case server::Action::restart: return true;
    case server::Action::stop: return machine_.record().next != undo_->before.record().next; // it waits
    case server::Action::kill:
    case server::Action::remove: return false;
    }
    return false;
}

void ServerShell::on(const server::Call& call)
{
    if (call.verb != server::Verb::inspect) pulling_.reset();
    calls_.begin(call);
}

void ServerShell::on(const server::CancelPull& cancel)
{
    pulling_.reset();
    calls_.cancel_pull(cancel.call);
}

void ServerShell::on(const server::Arm& arm)
{
    auto& timer = timers_[static_cast<std::size_t>(arm.timer)];
    timer = std::make_unique<boost::asio::steady_timer>(node_.client.io());
    timer->expires_after(arm.after);
    timer->async_wait([this, armed = timer.get(), which = arm.timer,
                       alive = std::weak_ptr{alive_}](boost::system::error_code failed) {
        if (failed || alive.expired()) return;
        auto& now = timers_[static_cast<std::size_t>(which)];
        if (now.get() != armed) return; // re-armed meanwhile
        now.reset();
        feed(server::Fired{which});
    });
}

void ServerShell::on(const server::Disarm& disarm)
{
    timers_[static_cast<std::size_t>(disarm.timer)].reset();
}

void ServerShell::on(const server::Answer& answer)
{
    const auto at = answers_.find(answer.id);
    if (at == answers_.end()) return;
    const AnswerFn tell = std::move(at->second);
    answers_.erase(at);
    const bool last = std::any_of(effects_.begin(), effects_.end(), [](const server::Effect& effect) {
        return std::holds_alternative<server::Gone>(effect);
    });
    // Whoever hears that the server is deleted may create it again at once.
    if (last) return (void)last_answers_.emplace_back(tell, answer);
    if (answer.id != unsaved_power_ || answer.verdict != server::Verdict::ok) return tell(answer);
    tell({answer.id,
          server::Verdict::failed,
          {unsaved_->code, spec_.id +
                               " is being ended as asked, but this cannot be stored, so the agent may start "
                               "it again after its own restart: " +
                               unsaved_->message}});
}

void ServerShell::say_deleted()
{
    for (const auto& [tell, answer] : std::exchange(last_answers_, {})) tell(answer);
}

void ServerShell::on(const server::StateChanged& changed)
{
    const bool up = view_.running;
    if (!up) usage_.reset(), reader_.reset(), reader_run_.clear(), query_.reset();
    ask_players();
    // First: a panel that pings because of the event gets the new count of active servers.
    node_.changed();
    node_.emit("docker.server_status_changed",
               status_event(spec_.id, changed, up ? view_.pid : 0, up ? view_.id : std::string_view{}));
    if (!changed.reason.code.empty())
        node_.log(Level::warn, spec_.id + " is " + std::string{server::to_string(changed.current)} + ": " +
                                   changed.reason.message);
}

void ServerShell::on(const server::Note& note) { warn(note.message); }

void ServerShell::on(const server::Gone&)
{
    console_->stop([this, alive = std::weak_ptr{alive_}] {
        if (alive.expired()) return;
        boost::asio::post(node_.pools.disk, [folder = folder_] {
            std::error_code ignored;
            std::filesystem::remove_all(folder, ignored);
        });
        forget();
    });
}

void ServerShell::forget()
{
    node_.records.remove(spec_.id, [this, alive = std::weak_ptr{alive_}](const auto& problem) {
        if (alive.expired()) return;
        if (!problem) return on_gone_();
        answer_not_forgotten(*problem);
        const auto timer = std::make_shared<boost::asio::steady_timer>(node_.client.io());
        timer->expires_after(forget_retry);
        timer->async_wait([this, timer, alive](boost::system::error_code failed) {
            if (!failed && !alive.expired()) forget();
        });
    });
}

void ServerShell::answer_not_forgotten(const Problem& problem)
{
    const Problem why{problem.code, "the files of " + spec_.id +
                                        " are deleted, but not its entry in the list of servers; agenthost "
                                        "keeps trying: " +
                                        problem.message};
    if (!std::exchange(not_forgotten_, true)) node_.log(Level::error, why.message);
    for (const auto& [tell, answer] : std::exchange(last_answers_, {}))
        tell({answer.id, server::Verdict::failed, why});
}

// ---- inputs ----

void ServerShell::power(server::Power power, AnswerFn answer)
{
    answers_[power.id] = std::move(answer);
    feed(std::move(power));
}

void ServerShell::cancel(const std::string& power_id)
{
    if (answers_.contains(power_id)) feed(server::Cancel{power_id});
}

void ServerShell::answer_all()
{
    std::vector<std::string> ids;
    for (const auto& [id, answer] : answers_) ids.push_back(id);
    for (const std::string& id : ids) cancel(id);
}

void ServerShell::away()
{
    feed(server::Away{});
    log_complete_ = true; // nobody waits for it any longer
    if (replaced_) std::exchange(replaced_, nullptr)();
}

void ServerShell::back(bool engine_restarted)
{
    console_->retry_now();
    view_.current = false;
    feed(server::Back{engine_restarted});
}

void ServerShell::event(const engine::Event& event)
{
    if (event.action == "oom") return feed(server::Oom{});
    for (const char* action :
         {"create", "start", "die", "destroy", "pause", "unpause", "restart", "stop", "rename"})
        if (event.action == action) {
            // While the disk is slow, one that waits is enough.
            const bool waits =
                !inputs_.empty() && std::holds_alternative<server::EngineEvent>(inputs_.back());
            if (!waits) feed(server::EngineEvent{});
            return;
        }
}

// ---- the container ----

ServerCalls::Handlers ServerShell::call_handlers()
{
    ServerCalls::Handlers on;
    on.feed = [this](server::Input input) { feed(std::move(input)); };
    on.on_view = [this](const engine::ContainerFacts* facts) { viewed(facts); };
    on.on_pull = [this](const ImageRef& image, const engine::PullProgress& progress) {
        told_pull(image, progress);
    };
    on.type = [this](const std::string& line, std::function<void(const std::string&)> then) {
        console_->send(line, std::move(then));
    };
    on.before_replacing = [this](std::function<void()> then) { before_replacing(std::move(then)); };
    on.warn = [this](const std::string& text) { warn(text); };
    return on;
}

void ServerShell::viewed(const engine::ContainerFacts* facts)
{
    if (facts == nullptr) {
        view_ = {.current = view_.current};
        console_->ended();
        return;
    }
    const bool was_paused = view_.paused;
    view_ = {facts->id,     facts->pid,    facts->started_ns, facts->running || facts->paused,
             view_.current, facts->paused, facts->name};
    if (facts->paused && !was_paused) warn(standstill());
    if (facts->started_ns <= 0) return;
    if (const std::string run = run_of(*facts); run != followed_) {
        followed_ = run;
        log_complete_ = false;
        // A game prints before the engine has noted that it started.
        const std::int64_t since = facts->started_ns - std::chrono::nanoseconds{start_margin}.count();
        console_->follow(facts->id, view_.running ? done_watch() : console::DoneWatch{}, since);
    }
    if (view_.running)
        console_->started();
    else
        console_->ended();
}

std::string ServerShell::standstill() const
{
    if (!view_.paused) return {};
    return "the container of " + spec_.id +
           " was paused outside agenthost. Continue it with docker unpause " + view_.name +
           ", or use kill_server.";
}

void ServerShell::before_replacing(std::function<void()> then)
{
    if (log_complete_ || followed_.empty()) return then();
    replaced_ = std::move(then);
    const auto timer = std::make_shared<boost::asio::steady_timer>(node_.client.io());
    timer->expires_after(log_end_timeout);
    timer->async_wait([this, timer, alive = std::weak_ptr{alive_}](boost::system::error_code) {
        if (!alive.expired() && replaced_) std::exchange(replaced_, nullptr)();
    });
}

const Usage* ServerShell::measure()
{
    if (!view_.running || view_.pid <= 0) return nullptr;
    const std::string run = view_.id + "@" + std::to_string(view_.started_ns);
    if (!reader_ || reader_run_ != run) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const auto age = std::chrono::duration_cast<std::chrono::nanoseconds>(now) -
                         std::chrono::nanoseconds{view_.started_ns};
        reader_.emplace(view_.pid, age);
        reader_run_ = run;
    }
    usage_ = reader_->read();
    return usage_ ? &*usage_ : nullptr;
}

void ServerShell::told_pull(const ImageRef& image, const engine::PullProgress& progress)
{
    pulling_ = progress.percent();
    const auto now = std::chrono::steady_clock::now();
    if (now - pull_told_ < pull_interval) return;
    pull_told_ = now;
    node_.emit("docker.pull_progress", pull_event(spec_.id, image.canonical(), progress));
}

void ServerShell::warn(const std::string& text)
{
    node_.log(Level::warn, spec_.id + ": " + text);
    node_.emit("docker.server_log", note_event(spec_.id, text));
}

// ---- the console ----

console::Console::Handlers ServerShell::console_handlers()
{
    console::Console::Handlers on;
    on.on_event = [this](const console::LogEvent& event) {
        node_.emit("docker.server_log", log_event(spec_.id, event));
    };
    on.on_done = [this] { feed(server::Ready{}); };
    on.on_complete = [this] {
        log_complete_ = true;
        if (replaced_) std::exchange(replaced_, nullptr)();
    };
    on.on_trouble = [this](const std::string& text) { node_.log(Level::warn, spec_.id + ": " + text); };
    return on;
}

console::DoneWatch ServerShell::done_watch() const
{
    std::vector<console::DoneWatch::Test> tests;
    for (const TextMatch& match : spec_.done)
        tests.push_back([&match](std::string_view line) { return match.found_in(line); });
    return console::DoneWatch{std::move(tests), spec_.strip_colors};
}

void ServerShell::send(const std::string& line, std::function<void(const std::string& why)> then)
{
    console_->send(line, std::move(then));
}

void ServerShell::read_log(const console::Query& query, std::function<void(console::Page)> then)
{
    console_->read(query, std::move(then));
}

} // namespace agenthost::docker::service
