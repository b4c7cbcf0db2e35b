// Ten sessions, two of each protocol, in one host that has nothing to do: RSS and CPU, absolute. Once with
// the storage and telemetry plugins, as a machine would have them, and once without any. Where the memory
// goes is told by the kinds of its mappings.
#include "bench.hpp"
#include "support/support.hpp"

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

using namespace agenthost;
using namespace agenthost::bench;

namespace {

constexpr double rss_must_mib = 16, cpu_must_percent = 0.2;
constexpr const char* protocols[] = {"storage", "panel", "print", "dashboard", "signed"};

// Waits for a line of a child's output that begins so; how many there are.
int lines_that_begin(const std::string& text, const std::string& with)
{
    int count = 0;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) count += line.starts_with(with);
    return count;
}

std::string servers_yaml(const std::string& port)
{
    std::string out = "servers:\n";
    for (const std::string protocol : protocols)
        for (const std::string which : {"a", "b"}) {
            const std::string name = protocol + "-" + which;
            out += "  - {name: " + name + ", protocol: " + protocol + ", url: 'ws://127.0.0.1:" + port + "/" +
                   protocol + "/" + which + "', agent_id: " + name + ", credential: {file: secret}";
            if (protocol == "panel")
                out += ", panel: {register_url: 'http://127.0.0.1:" + port +
                       "/api/agents/register', admin_credential: {file: secret}}";
            if (protocol == "print") out += ", print: {shop_id: " + name + "}";
            out += "}\n";
        }
    return out;
}

// Resident KiB by kind: heap, stacks, code and data of files, other anonymous memory.
std::map<std::string, double> mappings(pid_t pid)
{
    std::map<std::string, double> out;
    std::ifstream file{"/proc/" + std::to_string(pid) + "/smaps"};
    std::string kind;
    for (std::string line; std::getline(file, line);) {
        unsigned long from = 0, to = 0;
        char mode[8]{};
        if (std::sscanf(line.c_str(), "%lx-%lx %7s", &from, &to, mode) == 3) {
            const auto slash = line.find('/');
            const auto bracket = line.find('[');
            if (slash != line.npos)
                kind = mode[1] == 'w' ? "file data" : "code, read-only data";
            else if (bracket != line.npos)
                kind = line.substr(bracket);
            else
                kind = "anonymous (arenas, thread stacks)";
        } else if (line.starts_with("Rss:")) {
            out[kind] += std::stod(line.substr(4));
        }
    }
    return out;
}

void measure(Report& report, const std::string& subject, const std::string& binary,
             const std::string& plugins)
{
    test::TempDir dir;
    test::write_file(dir / "secret", "bench-secret\n");
    test::Process node{{.argv = {"node", (test::source_dir() / "tests/bench/peers/five_servers.js").string()},
                        .env = {{"NODE_PATH", "/usr/share/nodejs"}}}};
    if (!test::wait_for([&] { return node.out().starts_with("port "); })) {
        std::fprintf(stderr, "node did not start: %s\n", node.err().c_str());
        std::exit(1);
    }
    const auto first = node.out().substr(5);
    const auto port = first.substr(0, first.find('\n'));
    test::write_file(dir / "agenthost.yaml", "agent: {id: bench, state_dir: " + (dir / "state").string() +
                                                 "}\nlog: {level: warning, format: text}\n" +
                                                 "control: {socket: " + (dir / "control.sock").string() +
                                                 "}\n" + servers_yaml(port) + plugins);
    test::Process agent{
        {.argv = {binary + "/bin/agenthost", "run", "-c", (dir / "agenthost.yaml").string()}}};
    if (!test::wait_for([&] { return lines_that_begin(node.out(), "up ") == 10; })) {
        std::fprintf(stderr, "%d of 10 sessions came up: %s\n%s\n", lines_that_begin(node.out(), "up "),
                     node.out().c_str(), agent.err().c_str());
        std::exit(1);
    }
    std::this_thread::sleep_for(std::chrono::seconds{8}); // idle: what start-up needed has been given back
    const double cpu = cpu_s(agent.pid()), start = now_s();
    std::this_thread::sleep_for(std::chrono::seconds{65}); // two heartbeats of every session
    report.add(subject, "CPU %", (cpu_s(agent.pid()) - cpu) / (now_s() - start) * 100);
    report.add(subject, "RSS MiB", static_cast<double>(rss_kib(agent.pid())) / 1024);
    std::printf("%s:\n", subject.c_str());
    for (const auto& [kind, kib] : mappings(agent.pid())) std::printf("  %8.0f KiB  %s\n", kib, kind.c_str());
    if (lines_that_begin(node.out(), "up ") != 10)
        report.note(subject + ": sessions came and went: " +
                    std::to_string(lines_that_begin(node.out(), "up ")) + " connects");
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    const std::string binary = argv[1];
    Report report{"sessions"};
    const int times = std::min(rounds(), 2); // a minute each
    for (int round = 0; round < times; ++round) {
        measure(report, "10 sessions, no plugin", binary, "");
        measure(report, "10 sessions, storage and telemetry", binary,
                "plugins: {storage: {enabled: true, required: true, config: {reserve_free: 1MiB}}, "
                "telemetry: {enabled: true, "
                "required: true}}\n");
    }
    report.print(binary + "/results");
    int missed = 0;
    for (const char* subject : {"10 sessions, no plugin", "10 sessions, storage and telemetry"}) {
        const double rss = report.value(subject, "RSS MiB"), cpu = report.value(subject, "CPU %");
        std::printf("%s: %.1f MiB (must: %.0f), %.3f %% of a core (must: %.1f)\n", subject, rss, rss_must_mib,
                    cpu, cpu_must_percent);
        missed += rss > rss_must_mib || cpu > cpu_must_percent;
    }
    return missed == 0 ? 0 : 1;
}
