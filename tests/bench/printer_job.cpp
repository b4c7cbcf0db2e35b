// What the service adds to a job: printer.print through the real printer.so, from the request to its answer
// "printed". That is the job's row with fsync, the queue, a look at the printer, the row before the first byte,
// the bytes, the request for proof and its response, the last row, the answer. Beside it the bare loops of
// printer_peers.hpp send the same bytes and wait for the same response: the device's own time, with what the
// emulation costs. The difference is the overhead, job by job, in turn.
//
//   USB          4 KB, an emulated printer that takes all at once and confirms at once: all of the time is
//                overhead or emulation
//   network      4 KB at 200 KB/s (20 ms), 40 KB at 1 MB/s (40 ms)
//   in memory    the same with the plugin's state in /dev/shm: what is left is not the disk's
//   4 commits    as many SQLite transactions with fsync as a job has, alone on the same disk, in turn with the
//                jobs
//
// BENCH_ROUNDS (5) rounds of BENCH_JOBS (20) pairs; a round's figure is the median of its jobs.
#include "bench.hpp"
#include "integration/printer/box.hpp"
#include "printer_peers.hpp"
#include "support/network_printer.hpp"
#include "support/usbsim/client.hpp"

#include "base/sqlite.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>
#include <stdexcept>

#include <unistd.h>

using namespace agenthost;
using namespace agenthost::bench;
using test::Json;

namespace {

constexpr std::uint16_t vendor = 0x0fe6, bare_product = 0x811f;
constexpr const char* above = "above the device ms";

int pairs()
{
    const char* text = std::getenv("BENCH_JOBS");
    return text == nullptr ? 20 : std::max(1, std::atoi(text));
}

std::string receipt(std::size_t size)
{
    std::string out;
    while (out.size() < size) out += "Article " + std::to_string(1'000 + out.size()) + "           12.34\n";
    out.resize(size, '\n');
    return out;
}

// The request as it arrives: what its sender spends on JSON and base64 is not the service's.
std::string request(const char* printer, const std::string& bytes)
{
    return Json{{"printer", printer}, {"data", test::base64_of(bytes)}, {"encoding", "base64"}}.dump();
}

// A device of our configuration.
Json device(const char* alias, Json which)
{
    which["alias"] = alias;
    which["overrides"] = {{"confirmation", "process_id"}};
    return which;
}

// A folder of ours in another place than tests use.
class Temporary {
public:
    explicit Temporary(const std::filesystem::path& place)
        : path_{place / ("agenthost-bench-" + std::to_string(::getpid()))}
    {
        std::filesystem::create_directories(path_);
    }
    ~Temporary() { std::filesystem::remove_all(path_); }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

class Printing {
public:
    Printing(const std::filesystem::path& state, Json devices)
        : box_{state, {{"usb", true}, {"devices", std::move(devices)}}}
    {
        const auto usb_is_there = [&] {
            return box_.call("status", {{"printer", "USB"}}).json.find("\"ready\"") != std::string::npos;
        };
        if (!test::wait_for(usb_is_there)) throw std::runtime_error{"no printer"};
    }
    void print(const std::string& params)
    {
        const std::string caller = test::PrinterBox::caller("t" + std::to_string(++last_));
        const auto reply =
            box_.host().wait_reply(box_.host().invoke("printer.print", params, {.caller = caller}), max_wait);
        if (!reply.ok() || test::data_of(reply).value("outcome", "") != "printed")
            throw std::runtime_error{"a job was not printed: " + reply.json};
    }

private:
    static constexpr std::chrono::seconds max_wait{30};
    test::PrinterBox box_;
    int last_ = 0;
};

using Call = std::function<void()>;

double ms_of(const Call& call)
{
    const double begin = now_s();
    call();
    return (now_s() - begin) * 1e3;
}

// As many transactions as a job has: its row, before its first byte, before its proof, its outcome.
class Disk {
public:
    explicit Disk(const std::string& file) : db_{file}
    {
        db_.exec("CREATE TABLE rows(value BLOB)");
        put_.emplace(db_.prepare("INSERT INTO rows(value) VALUES(zeroblob(200))"));
    }
    void commits()
    {
        constexpr int of_a_job = 4;
        for (int commit = 0; commit < of_a_job; ++commit) {
            base::Transaction transaction{db_};
            put_->run();
            transaction.commit();
        }
    }

private:
    base::Database db_;
    std::optional<base::Statement> put_;
};

class Bench {
public:
    Bench(Report& report, Disk& disk) : report_{report}, disk_{disk} {}

    // Who is first changes from pair to pair.
    void measure(const std::string& how, int count, const Call& ours, const Call& bare)
    {
        std::vector<double> mine, theirs, commits, above_device;
        for (int i = 0; i < count; ++i) {
            if (i % 2 == 0) theirs.push_back(ms_of(bare));
            mine.push_back(ms_of(ours));
            if (i % 2 != 0) theirs.push_back(ms_of(bare));
            commits.push_back(ms_of([this] { disk_.commits(); }));
            above_device.push_back(mine.back() - theirs.back());
        }
        add(how + ": device and bare loop", theirs);
        add(how + ": agenthost", mine);
        add("4 commits", commits);
        report_.add(how + ": agenthost", above, median(above_device));
    }

private:
    void add(const std::string& subject, std::vector<double>& times)
    {
        report_.add(subject, "ms", median(times));
        report_.add(subject, "p95 ms", percentile(times, 95));
    }
    Report& report_;
    Disk& disk_;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    test::UsbSim sim;
    sim.add("ours", "serial=O1");
    sim.add("bare", "serial=B1 pid=811f port=1-2");
    for (const char* name : {"ours", "bare"}) sim.command(std::string{"plug "} + name);
    test::NetworkPrinter our_printer{{}}, their_printer{{}};
    const auto pace = [&](std::size_t rate) {
        test::NetworkPrinter::Habits habits;
        habits.bytes_per_second = rate;
        our_printer.set(habits);
        their_printer.set(habits);
    };
    const test::TempDir on_disk;
    const Temporary in_memory{"/dev/shm"};
    BareUsb their_usb{vendor, bare_product};
    Disk disk{(on_disk / "commits.db").string()};
    const std::string small = receipt(4'000), large = receipt(40'000);
    const auto by_usb = [&] {
        their_usb.write(small);
        their_usb.write(proof_request);
        if (their_usb.read().size() != proof_size) throw std::runtime_error{"no proof"};
    };
    const auto by_socket = [&](const std::string& bytes) {
        return [&] { print_by_socket(their_printer.port(), bytes); };
    };
    const Json devices{device("USB", {{"serial", "O1"}}),
                       device("Network", {{"address", our_printer.address()}})};
    Report report{"printer-job"};
    Bench bench{report, disk};
    for (int round = 0; round < rounds(); ++round)
        for (const bool memory : {false, true}) {
            const auto state = (memory ? in_memory.path() : on_disk.path()) / std::to_string(round);
            std::filesystem::create_directories(state);
            Printing printing{state, devices};
            printing.print(request("USB", small)); // opens the printer
            const auto print = [&](const char* printer, const std::string& bytes) {
                return [&printing, params = request(printer, bytes)] { printing.print(params); };
            };
            const std::string where = memory ? ", in memory" : "";
            bench.measure("USB 4 KB" + where, pairs() * 2, print("USB", small), by_usb);
            pace(200'000);
            bench.measure("network 4 KB" + where, pairs(), print("Network", small), by_socket(small));
            pace(1'000'000);
            bench.measure("network 40 KB" + where, std::max(1, pairs() / 2), print("Network", large),
                          by_socket(large));
        }
    for (const char* how : {"USB 4 KB", "network 4 KB", "network 40 KB"})
        for (const char* where : {"", ", in memory"})
            report.limit(std::string{how} + where + ": ms above the device",
                         std::string{how} + where + ": agenthost", above, 2, 1, false);
    return report.print(std::string{argv[1]} + "/results");
}
