// What our link costs beside a bare libusb loop: 100 KB to an emulated printer at its full speed, by
// libusb_bulk_transfer in pieces of 16 KiB and by the Bus and its Link. Reports MB/s and CPU time.
// BENCH_ROUNDS (5) of six pairs each, since a job is short beside what else a machine does; BENCH_JOBS (20)
// in a row.
#include "bench.hpp"
#include "support/asio_loop.hpp"
#include "support/usbsim/client.hpp"

#include "plugins/printer/usb/bus.hpp"

#include <libusb.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include <unistd.h>

using namespace agenthost;
using namespace agenthost::bench;

namespace {

constexpr std::size_t job_size = 100'000, piece = 16 * 1024;
constexpr std::uint8_t out_endpoint = 0x02;

int jobs()
{
    const char* text = std::getenv("BENCH_JOBS");
    return text == nullptr ? 20 : std::atoi(text);
}

std::string job()
{
    std::string out = test::random_bytes(job_size, 1);
    std::ranges::replace(out, '\x10', ' '); // no byte is a question
    return out;
}

void report(Report& report, const std::string& subject, double seconds, double cpu)
{
    report.add(subject, "MB/s", static_cast<double>(job_size) * jobs() / 1e6 / seconds);
    report.add(subject, "CPU ms a job", cpu * 1e3 / jobs());
}

// What everybody writes first.
void bare(Report& out, const std::string& bytes)
{
    libusb_context* context = nullptr;
    if (libusb_init(&context) != 0) throw std::runtime_error{"libusb_init"};
    libusb_device_handle* handle = libusb_open_device_with_vid_pid(context, 0x0fe6, 0x811e);
    if (handle == nullptr) throw std::runtime_error{"no printer"};
    libusb_detach_kernel_driver(handle, 0);
    if (libusb_claim_interface(handle, 0) != 0) throw std::runtime_error{"claim"};
    std::string copy = bytes;
    const double begin = now_s(), cpu = cpu_s(::getpid());
    for (int i = 0; i < jobs(); ++i) {
        for (std::size_t at = 0; at < copy.size();) {
            int moved = 0;
            const auto size = static_cast<int>(std::min(piece, copy.size() - at));
            if (libusb_bulk_transfer(handle, out_endpoint, reinterpret_cast<unsigned char*>(copy.data()) + at,
                                     size, &moved, 5'000) != 0)
                throw std::runtime_error{"transfer"};
            at += static_cast<std::size_t>(moved);
        }
    }
    report(out, "bare libusb", now_s() - begin, cpu_s(::getpid()) - cpu);
    libusb_release_interface(handle, 0);
    libusb_attach_kernel_driver(handle, 0);
    libusb_close(handle);
    libusb_exit(context);
}

void ours(Report& out, const std::string& bytes)
{
    boost::asio::io_context io;
    printer::usb::Bus bus{io, {}};
    bus.start([] {});
    if (!test::run_until(io, [&] { return bus.settled() && !bus.printers().empty(); }))
        throw std::runtime_error{"no printer"};
    std::unique_ptr<printer::Link> link;
    bus.open(bus.printers().front().number, {},
             [&](printer::Opened opened) { link = std::move(opened.link); });
    if (!test::run_until(io, [&] { return link != nullptr; })) throw std::runtime_error{"no link"};
    const printer::Bytes view{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    const double begin = now_s(), cpu = cpu_s(::getpid());
    for (int i = 0; i < jobs(); ++i) {
        bool done = false;
        link->write(view, [&](const printer::Written& written) { done = written.taken == view.size(); });
        if (!test::run_until(io, [&] { return done; })) throw std::runtime_error{"write"};
    }
    report(out, "agenthost", now_s() - begin, cpu_s(::getpid()) - cpu);
}

} // namespace

int main()
{
    test::UsbSim sim;
    sim.add("printer");
    sim.command("plug printer");
    const std::string bytes = job();
    Report out{"printer_usb"};
    for (int i = 0; i < rounds() * 6; ++i) {
        // Who is first changes from round to round.
        if (i % 2 == 0) bare(out, bytes);
        ours(out, bytes);
        if (i % 2 != 0) bare(out, bytes);
        sim.command("clear printer");
    }
    out.ratio("throughput beside bare libusb", "agenthost", "bare libusb", "MB/s", 0.95, 1.0, true);
    return out.print((test::binary_dir() / "bench" / "results").string());
}
