// The docker plugin in a real agent on a real dockerd: a flood of log against `docker logs -f` and against no
// reader, many servers with their stats, commands against the same calls by curl, and how soon a panel hears
// that a server runs. Needs root. BENCH_DOCKER_MB (10) of log, BENCH_DOCKER_SERVERS (20),
// BENCH_DOCKER_SECONDS (10) of each look at them, BENCH_DOCKER_CALLS (5) a round, BENCH_DOCKER_ONLY
// (flood,servers,calls). The targets are for 50 MB, 50 servers and 60 seconds.
#include "docker_rig.hpp"
#include "support/support.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

using namespace agenthost;
using namespace agenthost::bench;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

int number_of(const char* name, int otherwise)
{
    const char* text = std::getenv(name);
    return text ? std::max(1, std::atoi(text)) : otherwise;
}

// ---- a flood ----

struct Flood {
    double container_s = 0;
    std::uint64_t lines = 0;
};

// The game of `server` prints so many megabytes, and says how long it took.
Flood flood(DockerRig& rig, const std::string& server, int megabytes)
{
    const auto folder = rig.folder(server);
    test::write_file(folder / "fill.part", std::to_string(megabytes) + "\n", 0644);
    std::filesystem::rename(folder / "fill.part", folder / "fill");
    Flood out;
    if (!test::wait_for(
            [&] {
                std::this_thread::sleep_for(20ms);
                std::ifstream done{folder / "fill.done"};
                return static_cast<bool>(done >> out.container_s >> out.lines);
            },
            300s))
        throw std::runtime_error{"the flood does not end"};
    out.container_s /= 1000;
    return out;
}

// A new server that runs.
std::string flood_server(DockerRig& rig)
{
    static int last = 0;
    const std::string server = "flood" + std::to_string(++last);
    rig.create(server, {{"environment", {{"FILL", "/home/container/fill"}}},
                        {"limits", {{"memory", "128m"}, {"cpu", "2"}}}});
    rig.call("start_server", server);
    rig.wait_status(server, "running");
    settle(rig.engine().pid());
    return server;
}

void add_flood(Report& report, const std::string& subject, const Flood& flood, double client_s,
               double engine_s)
{
    report.add(subject, "container s", flood.container_s);
    if (client_s > 0) report.add(subject, "reader's CPU s", client_s);
    report.add(subject, "engine's CPU s", engine_s);
}

// What creates a container like that of the server.
json body_like(DockerRig& rig, const std::string& server)
{
    const json shown = rig.engine().ask("GET", "/containers/agenthost-" + server + "/json");
    json body = shown.at("Config");
    body["HostConfig"] = shown.at("HostConfig");
    body["Labels"] = json::object();
    return body;
}

// A container like that of the server whose log is not rotated: Docker 20.10's follower stops at a rotation.
std::string without_rotation(DockerRig& rig, const std::string& server)
{
    json body = body_like(rig, server);
    body["HostConfig"]["LogConfig"] = {
        {"Type", "local"}, {"Config", {{"max-size", "500m"}, {"compress", "false"}, {"max-file", "1"}}}};
    const std::string container = "bench-" + server;
    rig.engine().ask("DELETE", "/containers/agenthost-" + server + "?force=1");
    rig.engine().ask("POST", "/containers/create?name=" + container, body.dump());
    rig.engine().ask("POST", "/containers/" + container + "/start");
    return container;
}

void flood_without_reader(Report& report, DockerRig& rig, int megabytes)
{
    const std::string server = flood_server(rig);
    rig.kill_agent();
    settle(rig.engine().pid());
    const double engine = rig.engine_cpu_s();
    const Flood done = flood(rig, server, megabytes);
    settle(rig.engine().pid());
    add_flood(report, "log: no reader", done, 0, rig.engine_cpu_s() - engine);
    rig.start_agent();
    rig.call("delete_server", server);
}

// `docker logs -f`, or curl that asks for the same and looks at nothing: what every reader of this log pays.
void flood_with_peer(Report& report, DockerRig& rig, bool docker, int megabytes)
{
    const std::string server = flood_server(rig), subject = docker ? "log: docker logs -f" : "log: curl";
    rig.kill_agent();
    const std::string container = without_rotation(rig, server), copy = rig.dir() / "log";
    std::vector<std::string> command{"docker", "-H", "unix://" + rig.engine().socket(),
                                     "logs",   "-f", container};
    if (!docker)
        command = {"curl", "-sN", "--unix-socket", rig.engine().socket(),
                   "http://engine/v1.41/containers/" + container + "/logs?follow=1&stdout=1&timestamps=1"};
    test::Process reader{{.argv = command,
                          .env = {},
                          .cwd = {},
                          .input = {},
                          .out = copy,
                          .err = "/dev/null",
                          .keep_fds = {}}};
    std::this_thread::sleep_for(1s);
    settle(rig.engine().pid());
    const double engine = rig.engine_cpu_s(), client = cpu_s(reader.pid());
    const Flood done = flood(rig, server, megabytes);
    settle(reader.pid());
    const double client_s = cpu_s(reader.pid()) - client;
    add_flood(report, subject, done, client_s, rig.engine_cpu_s() - engine);
    report.add(subject, "reader's us/line", client_s * 1e6 / static_cast<double>(done.lines));
    const auto bytes = std::filesystem::file_size(copy);
    if (bytes < static_cast<std::uint64_t>(megabytes) * 1'000'000)
        report.note(subject + ": ONLY " + std::to_string(bytes) + " BYTES CAME");
    reader.signal(SIGKILL);
    rig.engine().ask("DELETE", "/containers/" + container + "?force=1");
    rig.start_agent();
    rig.call("delete_server", server);
}

// Until the console has it. How long that took.
double wait_for_last_line(DockerRig& rig, const std::string& server, const Flood& flood)
{
    const double begin = now_s();
    const std::string last = " " + std::to_string(flood.lines) + " of a flood";
    const bool came = test::wait_for(
        [&] {
            std::this_thread::sleep_for(200ms);
            return rig.call("get_logs", server, {{"tail", 1}})["lines"].dump().find(last) !=
                   std::string::npos;
        },
        100s);
    if (!came) throw std::runtime_error{"the last line of the flood does not come"};
    return now_s() - begin;
}

void flood_with_agent(Report& report, DockerRig& rig, bool stopped, int megabytes)
{
    const std::string server = flood_server(rig);
    settle(rig.agent());
    const double engine = rig.engine_cpu_s(), client = cpu_s(rig.agent());
    const auto rss = rss_kib(rig.agent());
    std::jthread wake;
    if (stopped) {
        ::kill(rig.agent(), SIGSTOP);
        wake = std::jthread{[pid = rig.agent()] {
            std::this_thread::sleep_for(10s);
            ::kill(pid, SIGCONT);
        }};
    }
    const Flood done = flood(rig, server, megabytes);
    if (wake.joinable()) wake.join();
    const double end_s = wait_for_last_line(rig, server, done);
    settle(rig.agent());
    const std::string subject = stopped ? "log: agenthost stopped for 10 s" : "log: agenthost";
    const double client_s = cpu_s(rig.agent()) - client;
    add_flood(report, subject, done, client_s, rig.engine_cpu_s() - engine);
    report.add(subject, "s until read", end_s);
    report.add(subject, "RSS growth MiB",
               (static_cast<double>(rss_kib(rig.agent())) - static_cast<double>(rss)) / 1024);
    // The rest was dropped by the rotation of the log: the flood was faster than its reader.
    const auto end = rig.call("get_logs", server, {{"tail", 1}})["end"].get<std::uint64_t>();
    report.add(subject, "lines read %",
               std::min(100.0, 100 * static_cast<double>(end) / static_cast<double>(done.lines)));
    report.add(subject, "reader's us/line", client_s * 1e6 / static_cast<double>(end));
    rig.call("delete_server", server);
}

void floods(Report& report, DockerRig& rig)
{
    const int megabytes = number_of("BENCH_DOCKER_MB", 10);
    for (int round = 0; round < rounds(); ++round) {
        flood_without_reader(report, rig, megabytes);
        flood_with_peer(report, rig, true, megabytes);
        flood_with_peer(report, rig, false, megabytes);
        flood_with_agent(report, rig, false, megabytes);
        flood_with_agent(report, rig, true, megabytes);
    }
    report.ratio("CPU of reading log against docker logs -f", "log: agenthost", "log: docker logs -f",
                 "reader's CPU s", 0.15, 0, false);
    report.ratio("the same, curl", "log: curl", "log: docker logs -f", "reader's CPU s", 0, 0, false);
    report.ratio("the same for each line that was read", "log: agenthost", "log: docker logs -f",
                 "reader's us/line", 0, 0, false);
    report.ratio("the container's time against no reader", "log: agenthost", "log: no reader", "container s",
                 1.05, 0, false);
    report.ratio("the same, docker logs -f", "log: docker logs -f", "log: no reader", "container s", 0, 0,
                 false);
    report.ratio("the same, curl", "log: curl", "log: no reader", "container s", 0, 0, false);
    report.ratio("the same, the agent stopped for 10 s", "log: agenthost stopped for 10 s", "log: no reader",
                 "container s", 1.05, 0, false);
}

// ---- many servers ----

void start_servers(DockerRig& rig, int count)
{
    std::vector<std::string> started;
    for (int i = 0; i < count; ++i) {
        const std::string server = "many" + std::to_string(i);
        rig.create(server, {{"limits", {{"memory", "32m"}, {"cpu", "1"}}}});
        started.push_back(rig.panel().send("start_server", server));
    }
    for (const std::string& id : started) rig.panel().answers(id);
    for (int i = 0; i < count; ++i) rig.wait_status("many" + std::to_string(i), "running");
}

// What is used in some seconds, as percents of a core.
void look(Report& report, DockerRig& rig, const std::string& subject, bool agent, int seconds)
{
    const double begin = now_s(), engine = rig.engine_cpu_s(), ours = agent ? cpu_s(rig.agent()) : 0;
    std::this_thread::sleep_for(std::chrono::seconds{seconds});
    const double passed = now_s() - begin;
    report.add(subject, "engine's CPU %", 100 * (rig.engine_cpu_s() - engine) / passed);
    if (!agent) return;
    report.add(subject, "agent's CPU %", 100 * (cpu_s(rig.agent()) - ours) / passed);
    report.add(subject, "agent's RSS MiB", static_cast<double>(rss_kib(rig.agent())) / 1024);
}

void must(Report& report, const std::string& what, double got, double most)
{
    char text[256];
    std::snprintf(text, sizeof text, "%s: %.3g (must: %.3g)%s", what.c_str(), got, most,
                  got > most ? " MISSED" : "");
    report.note(text);
}

void many(Report& report, DockerRig& rig)
{
    const int count = number_of("BENCH_DOCKER_SERVERS", 20), seconds = number_of("BENCH_DOCKER_SECONDS", 10);
    const std::string without = "servers: no agent", with = "servers: agenthost";
    start_servers(rig, count);
    for (int round = 0; round < rounds(); ++round) {
        std::this_thread::sleep_for(5s); // each server's console has found its place
        look(report, rig, with, true, seconds);
        rig.kill_agent();
        std::this_thread::sleep_for(2s);
        look(report, rig, without, false, seconds);
        rig.start_agent();
    }
    const std::string of = std::to_string(count) + " servers, stats every 5 s: ";
    if (rig.take_updates() < static_cast<std::size_t>(count * seconds / 10))
        report.note(of + "TOO FEW resource_update EVENTS CAME");
    must(report, of + "agent's CPU % of a core", report.value(with, "agent's CPU %"), 1);
    must(report, of + "what the engine uses more, % of a core",
         report.value(with, "engine's CPU %") - report.value(without, "engine's CPU %"), 0.5);
    must(report, of + "agent's RSS MiB", report.value(with, "agent's RSS MiB"), 16);
    for (int i = 0; i < count; ++i) rig.panel().send("delete_server", "many" + std::to_string(i));
}

// ---- commands ----

// The sum of what curl says its transfers took; each is METHOD, TARGET and perhaps a body.
double curl_s(const std::string& socket, const std::vector<std::vector<std::string>>& transfers)
{
    std::vector<std::string> command{"curl"};
    for (const auto& transfer : transfers) {
        if (command.size() > 1) command.push_back("--next");
        command.insert(command.end(),
                       {"-s", "--unix-socket", socket, "-o", "/dev/null", "-w", "%{time_total}\\n", "-X",
                        transfer[0], "http://engine/v1.41" + transfer[1]});
        if (transfer.size() > 2)
            command.insert(command.end(), {"-H", "Content-Type: application/json", "-d", transfer[2]});
    }
    std::istringstream said{test::run(command).out};
    double sum = 0;
    for (double one = 0; said >> one;) sum += one;
    return sum;
}

// When the engine started the container, by its events.
std::vector<double> started_at(const std::string& events, const std::string& server)
{
    std::vector<double> out;
    std::istringstream lines{events};
    for (std::string line; std::getline(lines, line);) {
        const json event = json::parse(line, nullptr, false);
        if (event.is_object() && event["Actor"]["Attributes"].value("name", "") == "agenthost-" + server)
            out.push_back(static_cast<double>(event["timeNano"].get<std::int64_t>()) / 1e9);
    }
    return out;
}

// One start and one kill, and the same by curl. When the panel heard that the server runs.
double start_and_kill(Report* report, DockerRig& rig)
{
    const std::string socket = rig.engine().socket(), peer = "/containers/bench-peer";
    const double start = rig.timed_until("start_server", "call", "running");
    const std::string body = body_like(rig, "call").dump();
    const double heard = rig.take_running("call");
    const double kill = rig.timed_until("kill_server", "call", "offline");
    std::this_thread::sleep_for(300ms);
    const double by_curl = curl_s(socket, {{"DELETE", peer + "?v=1"},
                                           {"POST", "/containers/create?name=bench-peer", body},
                                           {"POST", peer + "/start"}});
    const double kill_by_curl =
        curl_s(socket, {{"POST", peer + "/kill?signal=KILL"}, {"POST", peer + "/wait"}});
    std::this_thread::sleep_for(300ms);
    if (report != nullptr) {
        report->add("start: agenthost (until the event running)", "ms", start * 1000);
        report->add("start: curl (remove, create, start)", "ms", by_curl * 1000);
        report->add("kill: agenthost (until the event offline)", "ms", kill * 1000);
        report->add("kill: curl (kill, wait)", "ms", kill_by_curl * 1000);
    }
    return heard;
}

void status_calls(Report& report, DockerRig& rig)
{
    std::vector<double> ours, theirs;
    for (int i = 0; i < 20; ++i) {
        ours.push_back(rig.timed_call("get_status", "call") * 1000);
        theirs.push_back(curl_s(rig.engine().socket(), {{"GET", "/containers/agenthost-call/json"}}) * 1000);
    }
    report.add("status: agenthost", "ms", median(ours));
    report.add("status: curl (inspect)", "ms", median(theirs));
}

void calls(Report& report, DockerRig& rig)
{
    const int count = number_of("BENCH_DOCKER_CALLS", 5) * rounds();
    const test::Process reader{
        {.argv = {"curl", "-sN", "--unix-socket", rig.engine().socket(), "-G", "--data-urlencode",
                  R"(filters={"type":["container"],"event":["start"]})", "http://engine/v1.41/events"},
         .env = {},
         .cwd = {},
         .input = {},
         .out = rig.dir() / "events",
         .err = {},
         .keep_fds = {}}};
    rig.create("call");
    start_and_kill(nullptr, rig); // the peer exists from now on
    std::vector<double> heard, late_ms;
    for (int i = 0; i < count; ++i) heard.push_back(start_and_kill(&report, rig));
    for (int round = 0; round < rounds(); ++round) status_calls(report, rig);
    const auto started = started_at(test::read_file(rig.dir() / "events"), "call");
    if (started.size() != heard.size() + 1) throw std::runtime_error{"the engine's events do not match"};
    for (std::size_t i = 0; i < heard.size(); ++i) late_ms.push_back((heard[i] - started[i + 1]) * 1000);
    const double p50 = percentile(late_ms, 50);
    report.add("running: after the engine's event", "p50 ms", p50);
    must(report, "from the engine's event to `running`, p99 of " + std::to_string(count) + ", ms",
         percentile(late_ms, 99), 20);
    report.ratio("start_server against curl", "start: agenthost (until the event running)",
                 "start: curl (remove, create, start)", "ms", 1.15, 0, false);
    report.ratio("kill_server against curl", "kill: agenthost (until the event offline)",
                 "kill: curl (kill, wait)", "ms", 1.15, 0, false);
    report.ratio("get_status against curl", "status: agenthost", "status: curl (inspect)", "ms", 1.15, 0,
                 false);
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    if (::geteuid() != 0) {
        std::fprintf(stderr, "docker: needs root, for a dockerd of its own\n");
        return 1;
    }
    const char* some = std::getenv("BENCH_DOCKER_ONLY");
    const auto wanted = [&](const char* part) {
        return some == nullptr || std::strstr(some, part) != nullptr;
    };
    Report report{"docker"};
    try {
        DockerRig rig;
        if (wanted("flood")) floods(report, rig);
        if (wanted("calls")) calls(report, rig);
        if (wanted("servers")) many(report, rig);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "docker: %s\n", e.what());
        return 1;
    }
    double load = 0;
    std::ifstream{"/proc/loadavg"} >> load;
    report.note("curl: the sum of its time_total, without the start of its process. Load at the end: " +
                std::to_string(load));
    report.print(std::string{argv[1]} + "/results");
    return 0;
}
