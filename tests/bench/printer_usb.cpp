// What our link costs beside a bare libusb loop: 100 KB to an emulated printer, by libusb_bulk_transfer in pieces
// of 16 KiB (printer_peers.hpp) and by the Bus and its Link. Each subject has a printer of its own, open all the
// time, and the jobs take turns one by one, so that what else the machine does meets both alike.
//
// At the emulation's full speed nearly all of the time is umockdev's, two context switches for each ioctl: the
// figures of one job scatter by a factor of three on a machine with other work. CPU time of this process and the
// count of ioctls hardly do. At 1.2 MB/s, full-speed USB, the printer is the limit.
//
// BENCH_ROUNDS (5) rounds of BENCH_JOBS (40) pairs at full speed and a tenth of them at 1.2 MB/s; a round's figure
// is the median of its jobs.
#include "bench.hpp"
#include "printer_peers.hpp"
#include "support/asio_loop.hpp"
#include "support/usbsim/client.hpp"

#include "plugins/printer/usb/bus.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <stdexcept>

using namespace agenthost;
using namespace agenthost::bench;

namespace {

constexpr std::size_t job_size = 100'000;
constexpr std::uint16_t vendor = 0x0fe6, our_product = 0x811e, bare_product = 0x811f;
constexpr const char* bare = "bare libusb";
constexpr const char* ours = "agenthost";

int jobs()
{
    const char* text = std::getenv("BENCH_JOBS");
    return text == nullptr ? 40 : std::max(1, std::atoi(text));
}

std::string job()
{
    std::string out = test::random_bytes(job_size, 1);
    for (const char question : {'\x10', '\x1d'}) std::ranges::replace(out, question, ' '); // no byte is one
    return out;
}

class OurLink {
public:
    OurLink()
    {
        bus_.start([] {});
        if (!test::run_until(io_, [&] { return bus_.settled() && bus_.printers().size() == 2; }))
            throw std::runtime_error{"no printer"};
        const auto printers = bus_.printers();
        const auto mine = std::ranges::find(printers, our_product, &printer::usb::Facts::product);
        bus_.open(mine->number, {}, [this](printer::Opened opened) { link_ = std::move(opened.link); });
        if (!test::run_until(io_, [&] { return link_ != nullptr; })) throw std::runtime_error{"no link"};
    }
    void write(std::string_view bytes)
    {
        const printer::Bytes view{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
        bool done = false;
        link_->write(view, [&](const printer::Written& written) { done = written.taken == view.size(); });
        if (!test::run_until(io_, [&] { return done; })) throw std::runtime_error{"write"};
    }

private:
    boost::asio::io_context io_;
    printer::usb::Bus bus_{io_, {}};
    std::unique_ptr<printer::Link> link_;
};

// The jobs of one subject in one round.
struct Jobs {
    std::vector<double> wall, cpu;

    template <class Write> void time(const Write& write)
    {
        const double begin = now_s(), cpu_before = own_cpu_s();
        write();
        wall.push_back(now_s() - begin);
        cpu.push_back(own_cpu_s() - cpu_before);
    }
};

class Round {
public:
    Round(test::UsbSim& sim, BareUsb& their_link, OurLink& our_link, const std::string& bytes)
        : sim_{sim}, their_link_{their_link}, our_link_{our_link}, bytes_{bytes}
    {}
    // `rate`: bytes a second, 0 for all that the emulation can do.
    void run(Report& report, int pairs, unsigned rate)
    {
        for (const char* name : {"ours", "bare"}) {
            sim_.command(std::string{"clear "} + name);
            sim_.command(std::string{"rate "} + name + " " + std::to_string(rate));
        }
        Jobs their_jobs, our_jobs;
        for (int i = 0; i < pairs; ++i) {
            // Who is first changes from pair to pair.
            if (i % 2 == 0) their_jobs.time([&] { their_link_.write(bytes_); });
            our_jobs.time([&] { our_link_.write(bytes_); });
            if (i % 2 != 0) their_jobs.time([&] { their_link_.write(bytes_); });
        }
        add(report, bare, "bare", std::move(their_jobs), rate != 0);
        add(report, ours, "ours", std::move(our_jobs), rate != 0);
    }

private:
    void add(Report& report, const char* subject, const char* device, Jobs jobs, bool paced)
    {
        const double count = static_cast<double>(jobs.wall.size());
        const double speed = static_cast<double>(job_size) / 1e6 / median(std::move(jobs.wall));
        report.add(subject, paced ? "MB/s at 1.2 MB/s" : "MB/s", speed);
        if (paced) return;
        report.add(subject, "CPU ms a job", median(std::move(jobs.cpu)) * 1e3);
        const int ioctls = sim_.counter(device, "submit") + sim_.counter(device, "reap");
        report.add(subject, "ioctls a job", ioctls / count);
    }

    test::UsbSim& sim_;
    BareUsb& their_link_;
    OurLink& our_link_;
    const std::string& bytes_;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    test::UsbSim sim;
    sim.add("ours", "serial=O1");
    sim.add("bare", "serial=B1 pid=811f port=1-2");
    for (const char* name : {"ours", "bare"}) sim.command(std::string{"plug "} + name);
    const std::string bytes = job();
    OurLink our_link;
    BareUsb their_link{vendor, bare_product};
    Round round{sim, their_link, our_link, bytes};
    Report out{"printer-usb"};
    constexpr unsigned full_speed_usb = 1'200'000;
    for (int i = 0; i < rounds(); ++i) {
        round.run(out, jobs(), 0);
        round.run(out, std::max(3, jobs() / 10), full_speed_usb);
    }
    out.ratio("throughput beside bare libusb", ours, bare, "MB/s", 0.95, 1.0, true);
    out.ratio("throughput at 1.2 MB/s", ours, bare, "MB/s at 1.2 MB/s", 0.95, 1.0, true);
    out.ratio("CPU beside bare libusb", ours, bare, "CPU ms a job", 0, 1.0, false);
    out.ratio("ioctls beside bare libusb", ours, bare, "ioctls a job", 1.0, 0.8, false);
    return out.print(std::string{argv[1]} + "/results");
}
