#include "service.hpp"

#include "job_json.hpp"

#include "base/hash.hpp"
#include "base/json_writer.hpp"
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>

namespace agenthost::terminal {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

std::string server_of(const Request& request)
{
    const Json caller = Json::parse(request.caller(), nullptr, false);
    return caller.is_object() ? caller.value("server", std::string{}) : std::string{};
}

void check_helper(const Config& config)
{
    if (::access(config.helper.c_str(), X_OK) != 0)
        throw Error{"CONFIG_INVALID",
                    config.helper +
                        " is not there or not executable. Reinstall the terminal plugin: its helper belongs "
                        "beside terminal.so"};
}

[[noreturn]] void throw_not_found(const std::string& id, const char* states)
{
    throw Error{"COMMAND_NOT_FOUND",
                "no command " + id + " is " + states + "; terminal.list shows those that are",
                AGH_E_NOT_FOUND};
}

// One that waits or runs.
JobPtr require_open(const JobTable& jobs, const Request& request, const std::string& id)
{
    if (auto job = jobs.find_open(server_of(request), id)) return job;
    throw_not_found(id, "waiting or running");
}

} // namespace

Service::Service(Context& context, Config config)
    : context_{context}, helper_{config.helper}, config_{std::make_shared<const Config>(std::move(config))},
      loop_{[&context] { context.link().log_exception("the terminal's loop"); }}, limits_{context},
      queue_{config_->concurrency, config_->queue}, jobs_{loop_}, telemetry_{context},
      queue_reporter_{loop_, context, queue_, telemetry_}, boot_{base::random_token(4)}
{
    jobs_.limits(config_->keep, config_->keep_for);
}

Service::~Service()
{
    loop_.stop(); // from here on this thread acts as the loop's
    jobs_.clear();
}

// ---- life ----

void Service::start()
{
    check_helper(*config_);
    users_ = std::make_shared<const Users>(*config_);
    limits_.open(*config_);
    if (const std::string problem = storage_.open(context_.state_directory()); !problem.empty())
        context_.log(Level::warn, problem + "; only the last 256 KiB of a command's output can be replayed");
    context_.log(
        Level::info,
        "commands run as " + users_->standard().name + ", cgroup: " + limits_.describe() +
            (config_->allow.empty() ? "; none is allowed: plugins.terminal.config.allow is empty" : ""));
    loop_.start();
}

void Service::configure(Config config)
{
    check_helper(config);
    auto users = std::make_shared<const Users>(config);
    loop_.post([this, users, config = std::make_shared<const Config>(std::move(config))] {
        config_ = config;
        users_ = users;
        queue_.limits(config->concurrency, config->queue);
        limits_.open(*config);
        jobs_.limits(config->keep, config->keep_for);
        begin_next();
    });
}

void Service::drain()
{
    loop_.post([this] {
        draining_ = true;
        while (auto job = queue_.pop()) {
            (*job)->never_ran(Reason::interrupted);
            jobs_.remove(**job);
        }
        for (const JobPtr& job : jobs_.open()) job->interrupt(Reason::interrupted, false);
        // A stopping host waits less than two grace periods.
        loop_.after(std::min<Clock::duration>(config_->grace, 3s), [this] {
            for (const JobPtr& job : jobs_.open()) job->interrupt(Reason::interrupted, true);
        });
    });
}

Health Service::health()
{
    if (::access(helper_.c_str(), X_OK) != 0)
        return {AGH_E_INTERNAL,
                helper_ + " is gone: no command can be started. Reinstall the terminal plugin"};
    if (std::string problem = limits_.problem(); !problem.empty()) return {AGH_E_BUSY, std::move(problem)};
    return {};
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
    on_loop(std::move(request), [](Service& me, Request& r) { me.admit_and_queue(r); });
}

void Service::admit_and_queue(Request& request)
{
    if (draining_) {
        request.fail("BUSY", "the agent is shutting down. Send it again when it is back", {}, not_started);
        return;
    }
    RunParams params = parse_run(request.params());
    const std::string server = server_of(request);
    const std::string id = params.id.empty() ? "cmd-" + boot_ + "-" + std::to_string(++last_id_) : params.id;
    if (jobs_.find_open(server, id))
        throw Error{"ID_REUSED",
                    "a command " + id + " is waiting or running. Use a new commandId for every command",
                    AGH_E_INVALID};
    const User& user = users_->find(params.run_as);
    Admitted what = admit(*config_, user, params);
    const Priority priority = params.priority;
    const auto job =
        std::make_shared<Job>(*this, CommandParts{loop_, limits_, storage_},
                              Command{config_, user, std::move(what), std::move(params), id, server});
    const bool at_once = queue_.begin(server);
    if (!at_once && !queue_.push(server, priority, job)) {
        request.fail("QUEUE_FULL",
                     std::to_string(queue_.size()) +
                         " commands wait already. Send it again when one has ended",
                     {}, not_started);
        return;
    }
    jobs_.add(job);
    job->add_runner(std::move(request));
    if (!at_once) return queue_reporter_.changed();
    job->report_queued(0);
    job->start();
}

void Service::begin_next()
{
    while (!draining_) {
        auto next = queue_.next();
        if (!next) return;
        queue_reporter_.changed();
        (*next)->start();
    }
}

void Service::interrupt(Request request)
{
    on_loop(std::move(request), [](Service& me, Request& r) {
        const InterruptParams params = parse_interrupt(r.params());
        const JobPtr job = require_open(me.jobs_, r, params.id);
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
        const JobPtr job = require_open(me.jobs_, r, params.id);
        std::string why;
        switch (job->execution().input(params, why)) {
        case StdinResult::taken: r.reply(dump({{"offset", job->execution().io().typed()}})); break;
        case StdinResult::later: r.fail("BUSY", params.id + ": " + why, {}, not_started); break;
        case StdinResult::closed: throw Error{"INVALID_REQUEST", params.id + ": " + why, AGH_E_INVALID};
        }
    });
}

void Service::resize(Request request)
{
    on_loop(std::move(request), [](Service& me, Request& r) {
        const ResizeParams params = parse_resize(r.params());
        const JobPtr job = require_open(me.jobs_, r, params.id);
        if (!job->command().params.pty)
            throw Error{"INVALID_REQUEST", params.id + " has no terminal. Run it with pty", AGH_E_INVALID};
        job->execution().resize(params.size);
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
        for (const JobPtr& job : me.jobs_.all())
            if (server == the_machine || job->command().server == server)
                json.value(base::RawJson{describe(*job)});
        json.end().end();
        r.reply(out);
    });
}

void Service::attach(Request request)
{
    on_loop(std::move(request), [](Service& me, Request& r) {
        const AttachParams params = parse_attach(r.params());
        const JobPtr job = me.jobs_.find(server_of(r), params.id);
        if (!job) throw_not_found(params.id, "running or remembered");
        job->attach(std::move(r), params);
    });
}

// ---- callbacks of jobs ----

void Service::started(const Job& job) { telemetry_.started(job, queue_.running()); }

void Service::ended(Job& job)
{
    queue_.ended(job.command().server);
    telemetry_.ended(job, queue_.running());
    jobs_.ended(job);
    begin_next();
}

void Service::cancelled(Job& job)
{
    const JobPtr self = job.shared_from_this();
    queue_.remove(self);
    job.never_ran(Reason::interrupted);
    if (job.settled())
        jobs_.remove(job);
    else
        jobs_.ended(job);
    queue_reporter_.changed();
}

} // namespace agenthost::terminal
