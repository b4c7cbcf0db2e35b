// What the printer plugin costs while nothing is printed: an agent with the plugin, a USB printer (emulated) and
// a network printer, beside the same agent with plugin storage and without any plugin, all at the same time. No
// server, so no heartbeat: each wake-up that the plugin adds counts. Measured when all are idle, and again after
// a receipt on each printer and a picture; the others answer as many calls meanwhile.
//
// A wake-up is a voluntary context switch of any thread: the thread ran, and sleeps again. The host asks each
// plugin for its health every second, which wakes two threads of its own: so wake-ups are compared with the agent
// that has another plugin, memory with the one that has none.
//
// BENCH_ROUNDS (5); BENCH_SECONDS (20) of each of the two windows.
#include "bench.hpp"
#include "support/daemon.hpp"
#include "support/network_printer.hpp"
#include "support/usbsim/client.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <thread>

using namespace agenthost;
using namespace agenthost::bench;
using namespace std::chrono_literals;

namespace {

constexpr const char* idle = " idle";
constexpr const char* after_jobs = " after jobs";
constexpr const char* without = "no plugin";
constexpr const char* other = "plugin storage";
constexpr const char* with = "plugin printer";
constexpr const char* added = "added by plugin printer";

std::chrono::seconds window()
{
    const char* text = std::getenv("BENCH_SECONDS");
    return std::chrono::seconds{text == nullptr ? 20 : std::max(1, std::atoi(text))};
}

// By "thread name/id".
std::map<std::string, double> wake_ups(pid_t pid)
{
    std::map<std::string, double> out;
    for (const auto& task : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task"}) {
        std::ifstream in{task.path() / "status"};
        std::string key, name;
        while (in >> key) {
            if (key == "Name:") in >> name;
            if (key == "voluntary_ctxt_switches:") in >> out[name + "/" + task.path().filename().string()];
        }
    }
    return out;
}

double smaps_mib(pid_t pid, const std::string& key)
{
    std::ifstream in{"/proc/" + std::to_string(pid) + "/smaps_rollup"};
    std::string word;
    double kib = 0;
    while (in >> word)
        if (word == key + ":") in >> kib;
    return kib / 1024;
}

class Agent {
public:
    Agent(const char* subject, const std::string& yaml, const test::UsbSim& sim) : subject_{subject}
    {
        test::Daemon::Options options;
        options.yaml = yaml;
        options.log_level = "warning";
        options.env = sim.environment();
        daemon_ = std::make_unique<test::Daemon>(std::move(options));
        if (!daemon_->wait_ready()) throw std::runtime_error{"the agent does not start: " + daemon_->log()};
    }
    void call(const std::string& action, const std::string& params)
    {
        const auto ran = daemon_->call(action, params);
        if (ran.code != 0) throw std::runtime_error{action + ": " + ran.out + ran.err};
    }
    void open_window() { before_ = wake_ups(daemon_->pid()); }
    void close_window(Report& report, const std::string& when)
    {
        double count = 0;
        for (const auto& [thread, number] : wake_ups(daemon_->pid())) {
            const double more = number - before_[thread];
            count += more;
            if (more > 0) wakers_ += " " + thread + ":" + std::to_string(static_cast<int>(more));
        }
        figures_["wake-ups" + when] = count;
        figures_["RSS MiB" + when] = smaps_mib(daemon_->pid(), "Rss");
        figures_["PSS MiB" + when] = smaps_mib(daemon_->pid(), "Pss");
        for (const auto& [name, value] : figures_)
            if (name.ends_with(when)) report.add(subject_, name, value);
    }
    [[nodiscard]] const std::map<std::string, double>& figures() const { return figures_; }
    [[nodiscard]] std::string name() const { return subject_; }
    [[nodiscard]] const std::string& wakers() const { return wakers_; }
    test::Daemon& daemon() { return *daemon_; }

private:
    const char* subject_;
    std::unique_ptr<test::Daemon> daemon_;
    std::map<std::string, double> before_, figures_;
    std::string wakers_;
};

struct Agents {
    Agents(const test::UsbSim& sim, const std::string& printer_config)
        : plain{without, "", sim},
          storing{other,
                  "plugins: {storage: {enabled: true, required: true, config: {storage_path: '{dir}/files', "
                  "reserve_free: 1MiB}}}",
                  sim},
          printing{with,
                   "plugins: {printer: {enabled: true, required: true, config: " + printer_config + "}}", sim}
    {}
    void measure(Report& report, const std::string& when)
    {
        std::this_thread::sleep_for(6s); // what start-up and calls needed has been given back
        for (Agent* agent : all) agent->open_window();
        std::this_thread::sleep_for(window());
        for (Agent* agent : all) agent->close_window(report, when);
        for (const auto& [name, value] : printing.figures())
            if (name.ends_with(when)) {
                const Agent& peer = name.starts_with("wake-ups") ? storing : plain;
                report.add(added, name, value - peer.figures().at(name));
            }
    }
    void work()
    {
        const std::string text = R"("text":"Market\n1 x Soup  4.50\n1 x Bread  2.10\n","cut":"partial")";
        for (const char* printer : {"Kitchen", "Bar"})
            printing.call("printer.print", R"({"printer":")" + std::string{printer} + R"(",)" + text + "}");
        printing.call("printer.render", "{" + text + "}");
        for (int i = 0; i < 3; ++i)
            for (Agent* agent : {&plain, &storing}) agent->call("host.ping", "{}");
    }

    Agent plain, storing, printing;
    const std::vector<Agent*> all{&plain, &storing, &printing};
};

void run(Report& report, const test::UsbSim& sim, const test::NetworkPrinter& bar, bool explain)
{
    Agents agents{sim,
                  "{devices: [{alias: Kitchen, serial: K1, overrides: {confirmation: process_id}}, {alias: "
                  "Bar, address: '" +
                      bar.address() + "'}]}"};
    agents.measure(report, idle);
    agents.work();
    agents.measure(report, after_jobs);
    for (Agent* agent : agents.all) {
        if (explain) report.note("wake-ups by thread, " + agent->name() + ":" + agent->wakers());
        agent->daemon().stop();
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    test::UsbSim sim;
    sim.add("kitchen", "serial=K1");
    sim.command("plug kitchen");
    const test::NetworkPrinter bar{{}};
    Report report{"printer-idle"};
    for (int round = 0; round < rounds(); ++round) run(report, sim, bar, round == 0);
    for (const std::string when : {idle, after_jobs}) {
        // Timers of the host that fall together or apart make a few more or less.
        const double timers = 0.25 * static_cast<double>(window().count());
        report.limit("wake-ups that plugin printer adds," + when, added, "wake-ups" + when, timers, 0, false);
        report.limit("RSS MiB that plugin printer adds," + when, added, "RSS MiB" + when, 3, 2, false);
    }
    report.note("wake-ups in " + std::to_string(window().count()) + " s");
    return report.print(std::string{argv[1]} + "/results");
}
