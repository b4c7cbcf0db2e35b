// What a hub with thousands of idle agents costs: memory of each agent above an idle hub's, all of the hub
// counted, and a command's round trip (REST caller -> hub -> agent -> hub -> caller) while all of them are
// connected. Plain and TLS. BENCH_AGENTS (5000), BENCH_COMMANDS (5000).
#include "bench.hpp"
#include "fleet.hpp"
#include "support/daemon.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <optional>
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
        // A measurement, not a wait for a result.
        std::this_thread::sleep_for(500ms);
        const std::uint64_t now = rss_kib(pid);
        still = now > last + 64 || now + 64 < last ? 0 : still + 1;
        last = now;
    }
    return static_cast<double>(last);
}

// Raises the limit of open files to its maximum. False: too low for so many agents.
bool raise_file_limit(std::size_t agents)
{
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur >= agents + 200) return true;
    std::fprintf(stderr, "hub: %zu agents need more than %llu descriptors; raise the hard limit\n", agents,
                 static_cast<unsigned long long>(files.rlim_cur));
    return false;
}

// One hub of its own, with or without TLS, and its row of the report.
class HubRound {
public:
    HubRound(Report& report, bool tls, const std::string& tls_settings)
        : report_{report}, subject_{tls ? "TLS" : "plain"}, tls_{tls}
    {
        test::write_file(dir_ / "admin", "bench-admin\n");
        test::write_file(dir_ / "agents.yaml", fleet_credentials(agents_, "secret-of-"));
        daemon_.emplace(test::Daemon::Options{
            .yaml = "listeners: [{name: hub, bind: '127.0.0.1:0'" + tls_settings +
                    "}]\nplugins: {hub: {enabled: true, required: true, config: {admin_token: {file: '" +
                    (dir_ / "admin").string() + "'}, credentials: '" + (dir_ / "agents.yaml").string() +
                    "'}}}",
            .id = "bench",
            .log_level = "warning"});
    }

    // False: the hub did not start, an agent was not admitted or lost, or a command failed; standard error
    // says which.
    bool measure()
    {
        if (!daemon_->wait_ready()) {
            std::fprintf(stderr, "%s", daemon_->log().c_str());
            return false;
        }
        const std::string address = daemon_->address("hub");
        port_ = std::atoi(address.substr(address.rfind(':') + 1).c_str());
        RestClient rest{port_, tls_, "bench-admin"};
        warm_up(rest);
        idle_kib_ = settled_rss_kib(daemon_->pid());
        const double start = now_s();
        Fleet fleet{{.port = port_, .tls = tls_, .agents = agents_}};
        if (!test::wait_for([&] { return fleet.ready() == agents_; }, 180s)) {
            std::fprintf(stderr, "hub: only %zu of %zu agents came, the last refusal: %s\n%s", fleet.ready(),
                         agents_, fleet.last_refusal().c_str(), daemon_->log().c_str());
            return false;
        }
        report_.add(subject_, "connect s", now_s() - start);
        measure_idle();
        return measure_commands(rest, fleet);
    }

private:
    // Touches the code that every session and call takes.
    void warm_up(RestClient& rest)
    {
        Fleet few{{.port = port_, .tls = tls_, .agents = 20}};
        test::wait_for([&] { return few.ready() == 20; });
        for (int i = 0; i < 200; ++i)
            rest.call("POST", "/api/agents/a" + std::to_string(i % 20) + "/commands", R"({"action":"info"})");
    }

    [[nodiscard]] double kib_per_agent(double rss_kib) const
    {
        return (rss_kib - idle_kib_) / static_cast<double>(agents_);
    }

    void measure_idle()
    {
        const pid_t pid = daemon_->pid();
        const double full = settled_rss_kib(pid);
        report_.add(subject_, "idle MiB", idle_kib_ / 1024);
        report_.add(subject_, "KB per agent", kib_per_agent(full));
        const double cpu = cpu_s(pid), then = now_s();
        std::this_thread::sleep_for(30s); // each agent is pinged once in this time
        report_.add(subject_, "idle CPU %", (cpu_s(pid) - cpu) / (now_s() - then) * 100);
    }

    bool measure_commands(RestClient& rest, Fleet& fleet)
    {
        std::mt19937 random{7};
        std::vector<double> took;
        std::uint64_t bad = 0;
        for (std::size_t i = 0; i < commands_; ++i) {
            const std::string path = "/api/agents/a" + std::to_string(random() % agents_) + "/commands";
            const double begin = now_s();
            const auto answer = rest.call("POST", path, R"({"action":"storage.info","params":{}})");
            took.push_back((now_s() - begin) * 1e6);
            bad += answer.status != 200;
        }
        report_.add(subject_, "command p50 us", percentile(took, 50));
        report_.add(subject_, "command p99 us", percentile(took, 99));
        report_.add(subject_, "after commands KB", kib_per_agent(settled_rss_kib(daemon_->pid())));
        if (bad == 0 && fleet.turned_away() == 0 && fleet.lost() == 0) return true;
        std::fprintf(stderr, "hub: %llu commands failed, %llu agents were turned away (%s), %llu lost\n",
                     static_cast<unsigned long long>(bad),
                     static_cast<unsigned long long>(fleet.turned_away()), fleet.last_refusal().c_str(),
                     static_cast<unsigned long long>(fleet.lost()));
        std::fprintf(stderr, "%s\n%s", daemon_->status()["listeners"].dump().c_str(), daemon_->log().c_str());
        return false;
    }

    const std::size_t agents_ = number("BENCH_AGENTS", 5'000), commands_ = number("BENCH_COMMANDS", 5'000);
    Report& report_;
    const std::string subject_;
    const bool tls_;
    test::TempDir dir_;
    std::optional<test::Daemon> daemon_;
    int port_ = 0;
    double idle_kib_ = 0;
};

} // namespace

int main()
{
    if (!raise_file_limit(number("BENCH_AGENTS", 5'000))) return 2;
    test::TestCa ca;
    const auto [certificate, key] = ca.issue("hub", "IP:127.0.0.1,DNS:localhost");
    const std::string secure = ", tls: {certificate: '" + certificate + "', key: '" + key + "'}";
    Report report{"hub"};
    for (int round = 0; round < std::min(rounds(), 3); ++round)
        for (const bool tls : {false, true})
            if (!HubRound{report, tls, tls ? secure : ""}.measure()) return 1;
    report.note("RSS per idle agent above an idle hub's: must 9 (plain), 41 (TLS); best in class 7, 20");
    report.print((test::binary_dir() / "results").string());
    const double plain = report.value("plain", "KB per agent"), secured = report.value("TLS", "KB per agent");
    std::printf("RSS per agent: plain %.1f KB (must 9, best 7), TLS %.1f KB (must 41, best 20)\n", plain,
                secured);
    return plain > 9 || secured > 41 ? 1 : 0;
}
