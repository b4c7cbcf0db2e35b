#include "service.hpp"

#include "sample_json.hpp"

#include "base/json_writer.hpp"
#include <agenthost/error.hpp>
#include <agenthost/ext/log_tap.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

namespace agenthost::telemetry {

namespace {

using namespace std::chrono_literals;

constexpr auto first_rates = 1s; // a server that connects at once should not wait a whole interval for rates
constexpr auto log_interval = 1s;
constexpr auto host_status_timeout = 5s; // host.status is answered at once, unless the loop is blocked
constexpr int tap_rounds = 8;            // buffers of the daemon's log per poll

std::int64_t utc_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::chrono::nanoseconds steady() { return std::chrono::steady_clock::now().time_since_epoch(); }

std::int32_t abi_level(Severity level)
{
    return static_cast<std::int32_t>(level);
} // ext/log.h has the same order
static_assert(static_cast<int>(Severity::trace) == AGH_LOG_TRACE &&
              static_cast<int>(Severity::error) == AGH_LOG_ERROR);

SystemReader::Options reader_options(const Config& config)
{
    SystemReader::Options out;
    out.interfaces = config.interfaces;
    out.filesystems = config.filesystems;
    out.disk = config.disk;
    out.network_filesystems = config.network_filesystems;
    return out;
}

} // namespace

Service::Service(Context& context, const Config& config)
    : context_{context}, config_{config}, reader_{reader_options(config)}, exporter_{context}
{}

Service::~Service()
{
    for (const auto task : tasks_) context_.cancel(task);
    const std::scoped_lock lock{mutex_}; // waits for a running timer
    logs_.reset();
}

void Service::start()
{
    const std::string state{context_.state_directory()};
    logs_.emplace(config_, state.empty() ? state : state + "/logs.json",
                  Logs::Outputs{.forward =
                                    [this](const Line& line) {
                                        return context_.emit("telemetry.log", line_json(line)) == AGH_OK;
                                    },
                                .log = [this](const std::string& text) { context_.log(Level::warn, text); }});
    take_sample(); // sessions open after start() returns, so their first heartbeat has values
    tasks_.push_back(context_.timer(config_.interval, config_.interval, [this] { take_sample(); }));
    tasks_.push_back(context_.after(first_rates, [this] { take_sample(); }));
    const bool tapped = context_.service<agh_svc_log_tap>(AGH_SVC_LOG_TAP) != nullptr;
    if (tapped) tap_.resize(AGH_LOG_TAP_BYTES);
    if (tapped || !config_.logs.empty())
        tasks_.push_back(context_.timer(0s, log_interval, [this] { read_logs(); }));
    if (std::ranges::find(tasks_, Context::Task{0}) != tasks_.end())
        throw Error{"INTERNAL",
                    "the host has no timers (agenthost.loop/1), without which nothing can be sampled",
                    AGH_E_UNSUPPORTED};
}

void Service::take_sample()
{
    const std::scoped_lock lock{mutex_};
    sample_ = rates_.step(reader_.read(), utc_ms());
    publish(sample_);
}

void Service::publish(const Sample& now)
{
    context_.publish("system_load", system_load_json(now));
    if (now.has_rates) context_.publish("metrics", metrics_json(now));
    context_.publish("telemetry", detail_json(now));
    exporter_.publish(now);
}

void Service::read_logs()
{
    const std::scoped_lock lock{mutex_};
    if (!logs_) return;
    const auto now = steady();
    read_daemon_log(now);
    logs_->poll(now, utc_ms());
    exporter_.log_lines(logs_->forwarded(), logs_->dropped());
    if (logs_->changes() != warnings_published_) {
        context_.publish("logs", logs_->warnings_json());
        warnings_published_ = logs_->changes();
    }
}

void Service::read_daemon_log(std::chrono::nanoseconds now)
{
    const auto* tap = context_.service<agh_svc_log_tap>(AGH_SVC_LOG_TAP);
    if (tap == nullptr || tap_.empty()) return;
    // Warnings are needed for the fact "logs", whatever is forwarded.
    const auto min_level = std::min(config_.daemon_log.value_or(Severity::warn), Severity::warn);
    for (int round = 0; round < tap_rounds; ++round) {
        std::size_t size = tap_.size();
        std::uint64_t lost = 0;
        if (tap->read(context_.host(), abi_level(min_level), &logs_->daemon_position, tap_.data(), &size,
                      &lost) != AGH_OK)
            return;
        if (lost > 0) logs_->daemon_lost(lost);
        if (size == 0) return;
        std::string_view rest{tap_.data(), std::min(size, tap_.size())};
        while (!rest.empty()) {
            const auto end = rest.find('\n');
            logs_->daemon_line(rest.substr(0, end), now);
            rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
        }
    }
}

Sample Service::sample()
{
    const std::scoped_lock lock{mutex_};
    return sample_;
}

Health Service::health()
{
    const std::unique_lock lock{mutex_, std::try_to_lock}; // locked: then it is working
    if (!lock) return {};
    if (const auto stuck = reader_.stuck())
        return {AGH_E_BUSY,
                "the filesystem at " + *stuck +
                    " does not respond; its values are outdated. Check its server or device (dmesg), or "
                    "unmount it."};
    if (logs_)
        if (const auto problems = logs_->problems(); !problems.empty()) return {AGH_E_BUSY, problems.front()};
    return {};
}

void Service::ask_host(
    Request request, std::function<void(Request&, const std::optional<AgentState>&, const std::string&)> then)
{
    // Shared, not moved: if the call is refused, the callback is destroyed with its captures.
    const auto waiting = std::make_shared<Request>(std::move(request));
    const auto said =
        context_.call("host.status", "{}", host_status_timeout, [waiting, then](const Result& result) {
            const auto agent = result.status == AGH_OK ? parse_agent(result.json) : std::nullopt;
            then(*waiting, agent,
                 agent ? "" : std::string{status_name(result.status)} + " " + std::string{result.json});
        });
    if (said != AGH_PENDING) then(*waiting, std::nullopt, "host.status: " + std::string{status_name(said)});
}

void Service::health_check(Request request)
{
    ask_host(std::move(request), [this](Request& asked, const auto& agent, const std::string& why) {
        asked.reply(verdict_json(evaluate(sample(), config_.health, agent, why)));
    });
}

void Service::status(Request request)
{
    ask_host(std::move(request), [this](Request& asked, const auto& agent, const std::string& why) {
        const Sample now = sample();
        const auto verdict = evaluate(now, config_.health, agent, why);
        const auto machine = read_identity({});
        std::string out;
        base::JsonWriter json{out};
        json.object().member("status", verdict.status).member("version", AGENTHOST_VERSION);
        json.member("hostname", machine.hostname).member("uptime_s", static_cast<std::int64_t>(now.uptime_s));
        json.member("system_load", base::RawJson{system_load_json(now)});
        if (agent) {
            const auto ready = std::ranges::count_if(agent->servers, [](const auto& s) { return s.well; });
            const auto well = std::ranges::count_if(agent->plugins, [](const auto& p) { return p.well; });
            json.object("agent").member("id", agent->agent_id).member("uptime_s", agent->uptime_s);
            json.member("servers", agent->servers.size()).member("servers_ready", ready);
            json.member("plugins", agent->plugins.size()).member("plugins_healthy", well).end();
        }
        json.end();
        asked.reply(out);
    });
}

void Service::version(Request request)
{
    const auto machine = read_identity({});
    const std::string abi = std::to_string(AGH_ABI_MAJOR) + "." + std::to_string(AGH_ABI_MINOR);
    request.reply(base::json_object("version", AGENTHOST_VERSION, "abi", abi, "os", machine.os, "kernel",
                                    machine.kernel, "arch", machine.arch));
}

void Service::machine_id(Request request)
{
    const auto machine = read_identity(std::string{context_.state_directory()});
    std::string out;
    base::JsonWriter json{out};
    json.object().member("machine_id", machine.id).member("boot_id", machine.boot_id);
    json.member("hostname", machine.hostname);
    if (machine.made_up) json.member("made_up", true);
    json.end();
    request.reply(out);
}

void Service::metrics(Request request)
{
    const Sample now = sample();
    if (!now.has_rates) {
        request.fail("BUSY", "no metrics yet: the second sample is taken within a second", "Try again.",
                     not_started);
        return;
    }
    request.reply(base::json_object("metrics", base::RawJson{metrics_json(now)}, "system_load",
                                    base::RawJson{system_load_json(now)}, "detail",
                                    base::RawJson{detail_json(now)}));
}

void Service::logs(Request request)
{
    const auto params = nlohmann::json::parse(request.params(), nullptr, false);
    const auto limit = params.is_object() ? params.value("limit", std::size_t{50}) : 50;
    const auto min_level =
        params.is_object() ? severity(params.value("level", std::string{"trace"})) : Severity::trace;
    if (!min_level) {
        request.fail("INVALID_REQUEST", "level must be trace, debug, info, warning or error");
        return;
    }
    std::string out;
    base::JsonWriter json{out};
    json.object().array("lines");
    {
        const std::scoped_lock lock{mutex_};
        const auto& all = logs_->recent();
        std::vector<const Line*> chosen; // the newest that match
        for (auto at = all.rbegin(); at != all.rend() && chosen.size() < limit; ++at)
            if (at->level >= *min_level) chosen.push_back(&*at);
        for (auto at = chosen.rbegin(); at != chosen.rend(); ++at) json.value(base::RawJson{line_json(**at)});
        json.end().member("forwarded", logs_->forwarded()).member("dropped", logs_->dropped());
    }
    json.end();
    request.reply(out);
}

} // namespace agenthost::telemetry
