#include "docker_rig.hpp"

#include "support/secrets.hpp"
#include "support/support.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace agenthost::bench {

using nlohmann::json;
using namespace std::chrono_literals;

double wall_clock_s()
{
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void settle(pid_t pid)
{
    double last = -1;
    test::wait_for([&] {
        const double now = cpu_s(pid);
        const bool quiet = last >= 0 && now - last < 0.01;
        last = now;
        if (!quiet) std::this_thread::sleep_for(500ms);
        return quiet;
    });
}

DockerRig::DockerRig()
    : panel_{[this](double at, const std::string& event, const json& data) { keep(at, event, data); }}
{
    const auto secret = test::sha256_hex("docker bench" + dir_.path().string());
    test::keep_secret(secret);
    test::write_file(dir_ / "credential", secret + "\n");
    start_agent();
}

DockerRig::~DockerRig()
{
    agent_.reset();
    engine_.remove_containers();
}

void DockerRig::start_agent()
{
    const std::string yaml =
        "servers: [{name: bench, protocol: panel, url: '" + panel_.url() + "', credential: {file: '" +
        (dir_ / "credential").string() + "'}, limits: {messages_per_second: 0}}]\nplugins:\n  " +
        engine_.plugin_yaml(dir_ / "servers", {}, {.socket = {}, .stats_interval = "5s"});
    agent_ = std::make_unique<test::Daemon>(
        test::Daemon::Options{.yaml = yaml, .log_level = "warning", .dir = dir_ / "agent"});
    if (!agent_->wait_ready()) throw std::runtime_error{"the agent does not start: " + agent_->log()};
}

void DockerRig::kill_agent()
{
    agent_->kill9();
    agent_.reset();
}

json DockerRig::call(const std::string& action, const std::string& server, const json& payload)
{
    const json answer = panel_.call(action, server, payload);
    if (!answer.is_object() || !answer.value("success", false))
        throw std::runtime_error{action + " " + server + ": " + answer.dump()};
    return answer["data"];
}

double DockerRig::timed_call(const std::string& action, const std::string& server)
{
    const double before = wall_clock_s();
    const auto answers = panel_.answers(panel_.send(action, server));
    if (answers.empty() || !answers[0].frame.value("success", false))
        throw std::runtime_error{action + " " + server +
                                 " failed: " + (answers.empty() ? "no answer" : answers[0].frame.dump())};
    return answers[0].at - before;
}

double DockerRig::timed_until(const std::string& action, const std::string& server, const std::string& status)
{
    const auto when = [&](double next) {
        const std::lock_guard lock{mutex_};
        double& at = reached_[{server, status}];
        return next < 0 ? at : std::exchange(at, next);
    };
    when(0);
    const double before = wall_clock_s();
    call(action, server);
    double at = 0;
    const bool came = test::wait_for([&] {
        at = when(-1);
        return at > 0;
    });
    if (!came) throw std::runtime_error{action + " " + server + ": no event says " + status};
    return at - before;
}

void DockerRig::create(const std::string& server, const json& more)
{
    json payload = test::GameEngine::egg(server, more);
    payload["eggConfig"].erase("done");
    call("create_server", server, payload);
    wait_status(server, "offline");
}

void DockerRig::wait_status(const std::string& server, const std::string& wanted)
{
    json last;
    const bool came = test::wait_for([&] {
        last = call("get_status", server);
        if (last["status"] == wanted) return true;
        std::this_thread::sleep_for(20ms);
        return false;
    });
    if (!came) throw std::runtime_error{server + " does not become " + wanted + ": " + last.dump()};
}

void DockerRig::keep(double at, const std::string& event, const json& data)
{
    const std::lock_guard lock{mutex_};
    if (event == "resource_update") ++updates_;
    if (event == "server_status_changed")
        reached_[{data.value("serverId", ""), data.value("currentStatus", "")}] = at;
}

std::size_t DockerRig::take_updates()
{
    const std::lock_guard lock{mutex_};
    return std::exchange(updates_, 0);
}

double DockerRig::take_running(const std::string& server)
{
    const std::lock_guard lock{mutex_};
    return std::exchange(reached_[{server, "running"}], 0);
}

double DockerRig::engine_cpu_s() const
{
    const pid_t dockerd = engine_.pid();
    double sum = cpu_s(dockerd);
    std::error_code error;
    for (const auto& task :
         std::filesystem::directory_iterator{"/proc/" + std::to_string(dockerd) + "/task", error}) {
        std::ifstream children{task.path() / "children"};
        for (pid_t child = 0; children >> child;) sum += cpu_s(child);
    }
    return sum;
}

} // namespace agenthost::bench
