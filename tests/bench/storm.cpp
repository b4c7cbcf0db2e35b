// A hub restarts with many agents connected: how long after READY all of them are back, and how many were
// turned away. The agents wait by the storage protocol's backoff (2 s +-20 %, doubled up to 30 s). Plain and
// TLS. BENCH_AGENTS (1000).
#include "bench.hpp"
#include "fleet.hpp"
#include "support/daemon.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace agenthost;
using namespace agenthost::bench;
using namespace std::chrono_literals;

namespace {

constexpr double first_backoff_s = 2, most_s = 2 * first_backoff_s;

std::unique_ptr<test::Daemon> boot(const std::filesystem::path& dir, int port, const std::string& tls)
{
    auto daemon = std::make_unique<test::Daemon>(test::Daemon::Options{
        .yaml = "listeners: [{name: hub, bind: '127.0.0.1:" + std::to_string(port) + "'" + tls +
                "}]\nplugins: {hub: {enabled: true, required: true, config: {admin_token: {file: '" +
                (dir / "admin").string() + "'}, credentials: '" + (dir / "agents.yaml").string() + "'}}}",
        .id = "bench",
        .wrapper = {},
        .env = {},
        .log_level = "warning",
        .dir = dir / "hub"});
    return daemon;
}

} // namespace

int main()
{
    const char* text = std::getenv("BENCH_AGENTS");
    const std::size_t agents = text == nullptr ? 1'000 : static_cast<std::size_t>(std::atoll(text));
    test::TestCa ca;
    const auto [certificate, key] = ca.issue("hub", "IP:127.0.0.1,DNS:localhost");
    Report report{"storm"};
    bool missed = false;
    for (int round = 0; round < std::min(rounds(), 3); ++round) {
        for (const bool tls : {false, true}) {
            const std::string subject = tls ? "TLS" : "plain";
            const std::string with =
                tls ? ", tls: {certificate: '" + certificate + "', key: '" + key + "'}" : std::string{};
            test::TempDir dir;
            test::write_file(dir / "admin", "bench-admin\n");
            test::write_file(dir / "agents.yaml", fleet_credentials(agents, "secret-of-"));
            const int port = test::free_port();
            auto daemon = boot(dir.path(), port, with);
            if (!daemon->wait_ready()) {
                std::fprintf(stderr, "%s", daemon->log().c_str());
                return 1;
            }
            Fleet fleet{{.port = port, .tls = tls, .agents = agents}};
            if (!test::wait_for([&] { return fleet.ready() == agents; }, 120s)) {
                std::fprintf(stderr, "storm: only %zu agents came: %s\n", fleet.ready(),
                             fleet.last_refusal().c_str());
                return 1;
            }
            const std::uint64_t away = fleet.turned_away();
            const double cut = now_s();
            daemon->stop();
            report.add(subject, "stop s", now_s() - cut);
            daemon = boot(dir.path(), port, with);
            if (!daemon->wait_ready()) {
                std::fprintf(stderr, "%s", daemon->log().c_str());
                return 1;
            }
            const double ready = now_s();
            report.add(subject, "cut to READY s", ready - cut);
            if (!test::wait_for([&] { return fleet.ready() == agents; }, 120s)) {
                std::fprintf(stderr, "storm: only %zu agents came back: %s\n", fleet.ready(),
                             fleet.last_refusal().c_str());
                return 1;
            }
            const double took = now_s() - ready;
            report.add(subject, "all back after READY s", took);
            report.add(subject, "turned away", static_cast<double>(fleet.turned_away() - away));
            report.add(subject, "CPU ms per agent", cpu_s(daemon->pid()) * 1e3 / static_cast<double>(agents));
            missed = missed || took > most_s || fleet.turned_away() != away;
        }
    }
    report.note("all back within 2x the first backoff (4 s) after READY, none turned away");
    report.print((test::binary_dir() / "results").string());
    std::printf("%s\n", missed ? "MISSED: see the table" : "all back in time, none turned away");
    return missed ? 1 : 0;
}
