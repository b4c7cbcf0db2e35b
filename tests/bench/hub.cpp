// What a hub with thousands of idle agents costs: memory of each agent above an idle hub's, all of the hub counted, and a command's
// round trip (REST caller -> hub -> agent -> hub -> caller) while all of them are connected. Plain and TLS.
// BENCH_AGENTS (5000), BENCH_COMMANDS (5000).
#include "bench.hpp"
#include "fleet.hpp"
#include "support/daemon.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include <sys/resource.h>

using namespace agenthost;
using namespace agenthost::bench;
using namespace std::chrono_literals;

namespace {

std::size_t number(const char* name, std::size_t otherwise)
{
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : static_cast<std::size_t>(std::atoll(text));
}

// RSS once it has stopped moving: allocators and TLS give back a little after the work.
double settled_rss_kib(pid_t pid)
{
    std::uint64_t last = rss_kib(pid);
    for (int still = 0; still < 4;) {
        std::this_thread::sleep_for(500ms); // a measurement, not a wait for a result
        const std::uint64_t now = rss_kib(pid);
        still = now > last + 64 || now + 64 < last ? 0 : still + 1;
        last = now;
    }
    return static_cast<double>(last);
}

} // namespace

int main()
{
    const std::size_t agents = number("BENCH_AGENTS", 5'000), commands = number("BENCH_COMMANDS", 5'000);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < agents + 200) {
        std::fprintf(stderr, "hub: %zu agents need more than %llu descriptors; raise the hard limit\n",
                     agents, static_cast<unsigned long long>(files.rlim_cur));
        return 2;
    }
    test::TestCa ca;
    const auto [certificate, key] = ca.issue("hub", "IP:127.0.0.1,DNS:localhost");
    Report report{"hub"};
    for (int round = 0; round < std::min(rounds(), 3); ++round) {
        for (const bool tls : {false, true}) {
            const std::string subject = tls ? "TLS" : "plain";
            test::TempDir dir;
            test::write_file(dir / "admin", "bench-admin\n");
            test::write_file(dir / "agents.yaml", fleet_credentials(agents, "secret-of-"));
            test::Daemon daemon{
                {.yaml = "listeners: [{name: hub, bind: '127.0.0.1:0'" +
                         (tls ? ", tls: {certificate: '" + certificate + "', key: '" + key + "'}"
                              : std::string{}) +
                         "}]\nplugins: {hub: {enabled: true, required: true, config: {admin_token: {file: '" +
                         (dir / "admin").string() + "'}, credentials: '" + (dir / "agents.yaml").string() +
                         "'}}}",
                 .id = "bench",
                 .wrapper = {},
                 .env = {},
                 .log_level = "warning",
                 .dir = {}}};
            if (!daemon.wait_ready()) {
                std::fprintf(stderr, "%s", daemon.log().c_str());
                return 1;
            }
            const std::string address = daemon.address("hub");
            const int port = std::atoi(address.substr(address.rfind(':') + 1).c_str());
            RestClient rest{port, tls, "bench-admin"};
            // Idle, but warm: code paths that every session and call take have been touched.
            {
                Fleet few{{.port = port, .tls = tls, .agents = 20}};
                test::wait_for([&] { return few.ready() == 20; });
                for (int i = 0; i < 200; ++i)
                    rest.call("POST", "/api/agents/a" + std::to_string(i % 20) + "/commands",
                              R"({"action":"info"})");
            }
            const double idle = settled_rss_kib(daemon.pid());
            const double start = now_s();
            Fleet fleet{{.port = port, .tls = tls, .agents = agents}};
            if (!test::wait_for([&] { return fleet.ready() == agents; }, 180s)) {
                std::fprintf(stderr, "hub: only %zu of %zu agents came, the last refusal: %s\n%s",
                             fleet.ready(), agents, fleet.last_refusal().c_str(), daemon.log().c_str());
                return 1;
            }
            report.add(subject, "connect s", now_s() - start);
            const double full = settled_rss_kib(daemon.pid());
            report.add(subject, "idle MiB", idle / 1024);
            report.add(subject, "KB per agent", (full - idle) / static_cast<double>(agents));
            const double cpu = cpu_s(daemon.pid()), then = now_s();
            std::this_thread::sleep_for(5s);
            report.add(subject, "idle CPU %", (cpu_s(daemon.pid()) - cpu) / (now_s() - then) * 100);

            std::mt19937 random{7};
            std::vector<double> took;
            std::uint64_t bad = 0;
            for (std::size_t i = 0; i < commands; ++i) {
                const std::string path = "/api/agents/a" + std::to_string(random() % agents) + "/commands";
                const double begin = now_s();
                const auto answer = rest.call("POST", path, R"({"action":"storage.info","params":{}})");
                took.push_back((now_s() - begin) * 1e6);
                bad += answer.status != 200;
            }
            report.add(subject, "command p50 us", percentile(took, 50));
            report.add(subject, "command p99 us", percentile(took, 99));
            report.add(subject, "after commands KB",
                       (settled_rss_kib(daemon.pid()) - idle) / static_cast<double>(agents));
            if (bad != 0 || fleet.turned_away() != 0 || fleet.lost() != 0) {
                std::fprintf(stderr,
                             "hub: %llu commands failed, %llu agents were turned away (%s), %llu lost\n",
                             static_cast<unsigned long long>(bad),
                             static_cast<unsigned long long>(fleet.turned_away()),
                             fleet.last_refusal().c_str(), static_cast<unsigned long long>(fleet.lost()));
                std::fprintf(stderr, "%s\n%s", daemon.status()["listeners"].dump().c_str(),
                             daemon.log().c_str());
                return 1;
            }
        }
    }
    report.note("RSS per idle agent above an idle hub's: must 9 (plain), 41 (TLS); best in class 7, 20");
    report.print((test::binary_dir() / "results").string());
    const double plain = report.value("plain", "KB per agent"), secured = report.value("TLS", "KB per agent");
    std::printf("RSS per agent: plain %.1f KB (must 9, best 7), TLS %.1f KB (must 41, best 20)\n", plain,
                secured);
    return plain > 9 || secured > 41 ? 1 : 0;
}
