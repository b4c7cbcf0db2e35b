#include "service.hpp"

#include "base/hash.hpp"
#include "base/json_writer.hpp"
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace agenthost::terminal {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr std::string_view the_machine = "control"; // the host's name for its control socket's callers

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string server_of(const Request& request)
{
    const Json caller = Json::parse(request.caller(), nullptr, false);
    return caller.is_object() ? caller.value("server", std::string{}) : std::string{};
}

} // namespace

Service::Service(Context& context, Config config)
    : context_{context}, helper_{config.helper}, config_{std::make_shared<const Config>(std::move(config))},
      loop_{[&context] { context.link().log_exception("the terminal's loop"); }},
      queue_{config_->concurrency, config_->queue}, boot_{base::random_token(4)}
{
    commands_metric_ =
        context.metric(R"({"name":"commands_total","type":"counter","help":"Commands that ended"})");
    bytes_metric_ = context.metric(
        R"({"name":"output_bytes_total","type":"counter","help":"Bytes that commands wrote","unit":"bytes"})");
    running_metric_ = context.metric(R"({"name":"running","type":"gauge","help":"Commands that run"})");
    queued_metric_ = context.metric(R"({"name":"queued","type":"gauge","help":"Commands that wait"})");
}

Service::~Service()
{
    loop_.stop(); // from here on this thread is the loop's
    for (auto& [key, job] : jobs_) job->abandon();
    for (auto& job : finished_) job->abandon();
    jobs_.clear(); // each ends its processes
    finished_.clear();
}

Service::Users Service::look_up(const Config& config)
{
    try {
        Users users{.standard = default_user(config.run_as), .others = {}};
        for (const std::string& name : config.run_as_allow) users.others[name] = find_user(name);
        users.others.emplace(users.standard.name, users.standard);
        return users;
    } catch (const std::exception& e) {
        throw Error{"CONFIG_INVALID", std::string{"plugins.terminal.config.run_as: "} + e.what()};
    }
}

void Service::check_helper(const Config& config)
{
    if (::access(config.helper.c_str(), X_OK) != 0)
        throw Error{"CONFIG_INVALID",
                    config.helper +
                        " is not there or not executable. Reinstall the terminal plugin: its helper belongs "
                        "beside terminal.so"};
}

void Service::start()
{
    check_helper(*config_);
    users_ = std::make_shared<const Users>(look_up(*config_));
    open_cgroups(*config_);
    ring_dir_ = context_.state_directory();
    if (!ring_dir_.empty()) {
        ring_dir_ += "/rings";
        std::error_code error;
        fs::remove_all(ring_dir_, error); // of an agent that died: its commands are gone, too
        fs::create_directory(ring_dir_, error);
        fs::permissions(ring_dir_, fs::perms::owner_all, error);
        if (error)
            context_.log(Level::warn, ring_dir_ + ": " + error.message() +
                                          "; only the last 256 KiB of a command's output can be replayed");
    }
    context_.log(
        Level::info,
        "commands run as " + users_->standard.name + ", cgroup: " + cgroups_.describe() +
            (config_->allow.empty() ? "; none is allowed: plugins.terminal.config.allow is empty" : ""));
    loop_.start();
}

void Service::configure(Config config)
{
    check_helper(config);
    auto users = std::make_shared<const Users>(look_up(config));
    loop_.post([this, users, config = std::make_shared<const Config>(std::move(config))] {
        config_ = config;
        users_ = users;
        queue_.limits(config->concurrency, config->queue);
        open_cgroups(*config);
        forget_old();
        begin_next();
    });
}

void Service::drain()
{
    loop_.post([this] {
        draining_ = true;
        while (auto job = queue_.pop()) {
            (*job)->never_ran(Reason::interrupted);
            jobs_.erase({(*job)->server(), (*job)->id()});
        }
        const auto running = jobs_;
        for (const auto& [key, job] : running) job->interrupt(Reason::interrupted, false);
        // A host that stops waits less than two graces.
        loop_.after(std::min<Clock::duration>(config_->grace, 3s), [this] {
            const auto rest = jobs_;
            for (const auto& [key, job] : rest) job->interrupt(Reason::interrupted, true);
        });
    });
}

Health Service::health()
{
    if (::access(helper_.c_str(), X_OK) != 0)
        return {AGH_E_INTERNAL,
                helper_ + " is gone: no command can be started. Reinstall the terminal plugin"};
    const std::lock_guard lock{problem_mutex_};
    if (!limits_problem_.empty()) return {AGH_E_BUSY, limits_problem_};
    return {};
}

void Service::open_cgroups(const Config& config)
{
    cgroups_.close();
    if (config.cgroup) cgroups_.open(config.limits);
    std::string problem = cgroups_.problem();
    if (!problem.empty()) context_.log(Level::warn, problem);
    // The default limit is a precaution that may be weaker; a limit that somebody asked for is a promise.
    if (config.limits.memory == 0 && config.limits.processes_by_default) problem.clear();
    const std::lock_guard lock{problem_mutex_};
    limits_problem_ = std::move(problem);
}

void Service::outside_cgroup()
{
    const std::lock_guard lock{problem_mutex_};
    if (!limits_problem_.empty()) return;
    limits_problem_ =
        "a command could not be put into its cgroup, so its limits hold for its user and for each process "
        "only. Start agenthost in a cgroup of its own (Delegate=yes in its systemd unit), or set "
        "plugins.terminal.config.cgroup to off";
    context_.log(Level::warn, limits_problem_);
}

// ---- actions ----

template <class F> void Service::on_loop(Request request, F work)
{
    loop_.post([this, request = std::move(request), work]() mutable {
        try {
            work(*this, request);
        } catch (const Error& e) {
            request.fail(e);
        } catch (const std::exception& e) {
            request.fail("INTERNAL", e.what());
        }
    });
}

void Service::run(Request request)
{
    on_loop(std::move(request), [](Service& me, Request& r) { me.run_now(r); });
}

const User& Service::user_for(const RunParams& params) const
{
    if (params.run_as.empty()) return users_->standard;
    const auto found = users_->others.find(params.run_as);
    if (found != users_->others.end()) return found->second;
    throw Error{"DENIED",
                "commands do not run as " + params.run_as +
                    " here. The owner of this machine can add it to plugins.terminal.config.run_as_allow",
                AGH_E_DENIED};
}

void Service::run_now(Request& request)
{
    if (draining_) {
        request.fail("BUSY", "the agent is shutting down. Send it again when it is back", {}, not_started);
        return;
    }
    RunParams params = parse_run(request.params());
    const std::string server = server_of(request);
    std::string id = params.id.empty() ? "cmd-" + boot_ + "-" + std::to_string(++last_id_) : params.id;
    if (find(server, id, false))
        throw Error{"ID_REUSED",
                    "a command " + id + " is waiting or running. Use a new commandId for every command",
                    AGH_E_INVALID};
    const User& user = user_for(params);
    Admitted what = admit(*config_, user, params);
    const Priority priority = params.priority;
    auto job = std::make_shared<Job>(*this, config_, user, std::move(what), std::move(params), id, server);
    const bool at_once = queue_.begin(server);
    if (!at_once && !queue_.push(server, priority, job)) {
        request.fail("QUEUE_FULL",
                     std::to_string(queue_.size()) +
                         " commands wait already. Send it again when one has ended",
                     {}, not_started);
        return;
    }
    std::erase_if(finished_, [&](const JobPtr& old) {
        return old->settled() && old->server() == server && old->id() == id;
    });
    jobs_[{server, id}] = job;
    job->add_runner(std::move(request));
    if (at_once) {
        job->say_queued(0);
        job->start();
    } else
        queue_changed();
}

void Service::begin_next()
{
    while (!draining_) {
        auto next = queue_.next();
        if (!next) return;
        queue_changed();
        (*next)->start();
    }
}

Service::JobPtr Service::find(std::string_view server, const std::string& id, bool ended_too)
{
    const auto same = [&](const Job& job) {
        return job.id() == id && (server == the_machine || job.server() == server);
    };
    if (const auto found = jobs_.find({std::string{server}, id}); found != jobs_.end()) return found->second;
    if (server == the_machine)
        for (const auto& [key, job] : jobs_)
            if (same(*job)) return job;
    if (!ended_too) return nullptr;
    const auto found =
        std::find_if(finished_.rbegin(), finished_.rend(), [&](const JobPtr& job) { return same(*job); });
    return found == finished_.rend() ? nullptr : *found;
}

Service::JobPtr Service::known(const Request& request, const std::string& id, bool ended_too)
{
    if (auto job = find(server_of(request), id, ended_too)) return job;
    throw Error{"COMMAND_NOT_FOUND",
                "no command " + id + (ended_too ? " is running or remembered" : " is waiting or running") +
                    "; terminal.list shows those that are",
                AGH_E_NOT_FOUND};
}

void Service::interrupt(Request request)
{
    on_loop(std::move(request), [](Service& me, Request& r) {
        const InterruptParams params = parse_interrupt(r.params());
        const JobPtr job = me.known(r, params.id);
        const bool waits = job->state() == Job::State::queued;
        if (waits)
            me.cancelled(*job);
        else
            job->interrupt(Reason::interrupted, params.force);
        r.reply(dump({{"commandId", params.id}, {"status", waits ? "removed" : "interrupting"}}));
    });
}

void Service::input(Request request)
{
    on_loop(std::move(request), [](Service& me, Request& r) {
        const InputParams params = parse_input(r.params());
        const JobPtr job = me.known(r, params.id);
        std::string why;
        switch (job->input(params, why)) {
        case Typing::taken: r.reply(dump({{"offset", job->typed()}})); break;
        case Typing::later: r.fail("BUSY", params.id + ": " + why, {}, not_started); break;
        case Typing::closed: throw Error{"INVALID_REQUEST", params.id + ": " + why, AGH_E_INVALID};
        }
    });
}

void Service::resize(Request request)
{
    on_loop(std::move(request), [](Service& me, Request& r) {
        const ResizeParams params = parse_resize(r.params());
        const JobPtr job = me.known(r, params.id);
        if (!job->has_pty())
            throw Error{"INVALID_REQUEST", params.id + " has no terminal. Run it with pty", AGH_E_INVALID};
        job->resize(params.size);
        r.reply();
    });
}

void Service::list(Request request)
{
    on_loop(std::move(request), [](Service& me, Request& r) {
        const std::string server = server_of(r);
        std::string out;
        base::JsonWriter json{out};
        json.object().array("commands");
        const auto add = [&](const Job& job) {
            if (server == the_machine || job.server() == server) json.value(base::RawJson{job.describe()});
        };
        for (const auto& [key, job] : me.jobs_) add(*job);
        for (const JobPtr& job : me.finished_) add(*job);
        json.end().end();
        r.reply(out);
    });
}

void Service::attach(Request request)
{
    on_loop(std::move(request), [](Service& me, Request& r) {
        const AttachParams params = parse_attach(r.params());
        me.known(r, params.id, true)->attach(std::move(r), params);
    });
}

// ---- what jobs tell ----

Cgroup Service::make_cgroup(const Config& config)
{
    return config.cgroup ? cgroups_.make(config.limits) : Cgroup{};
}

std::string Service::ring_file(const Job&)
{
    return ring_dir_.empty() ? std::string{} : ring_dir_ + "/" + std::to_string(++last_ring_);
}

// Never the arguments, the environment or the input: they hold secrets.
void Service::started(Job& job)
{
    context_.log(Level::info, "command started",
                 dump({{"command_id", job.id()},
                       {"server", job.server()},
                       {"program", job.program()},
                       {"user", job.user()}}));
    if (running_metric_) context_.record(*running_metric_, static_cast<double>(queue_.running()));
}

void Service::ended(Job& job)
{
    queue_.ended(job.server());
    context_.log(Level::info, "command ended",
                 dump({{"command_id", job.id()},
                       {"server", job.server()},
                       {"reason", name(job.reason())},
                       {"exit_code", job.exit_code()},
                       {"bytes", job.bytes()}}));
    count(job);
    const auto found = jobs_.find({job.server(), job.id()});
    if (found != jobs_.end() && found->second.get() == &job) {
        keep(std::move(found->second));
        jobs_.erase(found);
    }
    begin_next();
}

void Service::cancelled(Job& job)
{
    const JobPtr self = job.shared_from_this();
    queue_.remove(self);
    jobs_.erase({job.server(), job.id()});
    job.never_ran(Reason::interrupted);
    if (!job.settled()) keep(self);
    queue_changed();
}

void Service::writable_later(std::weak_ptr<Job> weak, agh_req id)
{
    loop_.post([weak = std::move(weak), id] {
        if (const JobPtr job = weak.lock()) job->writable(id);
    });
}

void Service::cancel_later(std::weak_ptr<Job> weak, agh_req id)
{
    loop_.post([weak = std::move(weak), id] {
        if (const JobPtr job = weak.lock()) job->cancel(id);
    });
}

void Service::count(Job& job)
{
    if (commands_metric_) context_.record(*commands_metric_, 1);
    if (bytes_metric_) context_.record(*bytes_metric_, static_cast<double>(job.bytes()));
    if (running_metric_) context_.record(*running_metric_, static_cast<double>(queue_.running()));
}

// ---- what is remembered ----

void Service::keep(JobPtr job)
{
    finished_.push_back(std::move(job));
    settled();
}

void Service::settled()
{
    loop_.later([this] { forget_old(); }); // not while the job is speaking
}

void Service::forget_old()
{
    const auto now = Clock::now();
    std::size_t kept = 0;
    for (const JobPtr& job : finished_) kept += job->settled();
    std::erase_if(finished_, [&](const JobPtr& job) {
        if (!job->settled()) return false; // somebody is still being served
        if (kept <= config_->keep && now - job->ended_at() < config_->keep_for) return false;
        --kept;
        return true;
    });
    loop_.cancel(tidy_);
    if (!finished_.empty())
        tidy_ = loop_.after(std::clamp<Clock::duration>(config_->keep_for, 1s, 60s), [this] {
            tidy_ = 0;
            forget_old();
        });
}

// ---- the queue, told to those who wait in it ----

void Service::queue_changed()
{
    if (std::exchange(queue_dirty_, true)) return;
    loop_.later([this] { say_queue(); }); // many changes of one turn are one
}

void Service::say_queue()
{
    queue_dirty_ = false;
    std::map<std::string, Json> by_server;
    for (const auto& [server, told] : told_) by_server[server] = Json::array(); // empty now, perhaps
    queue_.each([&](const JobPtr& job, std::size_t position) {
        job->say_queued(position);
        Json& list = by_server.try_emplace(job->server(), Json::array()).first->second;
        list.push_back(
            {{"commandId", job->id()}, {"position", position}, {"priority", name(job->priority())}});
    });
    told_.clear();
    for (auto& [server, list] : by_server) {
        if (!list.empty()) told_[server] = true;
        if (server != the_machine)
            context_.emit("terminal.command_queue", dump({{"queue", std::move(list)}}), server);
    }
    if (queued_metric_) context_.record(*queued_metric_, static_cast<double>(queue_.size()));
}

} // namespace agenthost::terminal
