// How many receipts a core draws: the jobs of tests/integration/printer_receipts, each parsed, drawn and
// written as a PNG.
#include "bench.hpp"

#include "plugins/printer/render/png.hpp"
#include "plugins/printer/render/renderer.hpp"

#include "tests/support/support.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

using namespace agenthost;
using namespace agenthost::bench;
using namespace agenthost::printer::render;

namespace {

std::vector<std::string> jobs()
{
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator{
             test::source_dir() / "tests/integration/printer_receipts/receipts"})
        all.push_back(test::read_file(entry.path()));
    std::ranges::sort(all);
    return all;
}

// A shop's receipt as it is sent every day: 60 lines, a barcode, a QR code, a cut.
std::string long_receipt()
{
    std::string job = "\x1b@\x1b"
                      "a\x01\x1d!\x11MARKET\n\x1d!";
    job += '\0';
    job += "1 Main Street\n\x1b";
    job += std::string{"a\0", 2};
    for (int i = 0; i < 60; ++i)
        job += "Article number " + std::to_string(1'000 + i) + "                    12.34\n";
    job += std::string{"\x1dk\x43\x0c"} + "400638133393" + "\x1d(k";
    job +=
        std::string{"\x17\0", 2} + "1P0https://example.org/1\x1d(k" + std::string{"\x03\0", 2} + "1Q0\x1dV";
    job += '\0';
    return job;
}

// Receipts per second of CPU time.
double rate(const std::vector<std::string>& jobs, bool png)
{
    const double before = cpu_s(getpid());
    int drawn = 0;
    do {
        for (const std::string& job : jobs) {
            const Receipt receipt = render({reinterpret_cast<const std::uint8_t*>(job.data()), job.size()});
            if (png && as_png(receipt.picture).empty()) std::abort();
            ++drawn;
        }
    } while (cpu_s(getpid()) - before < 1);
    return drawn / (cpu_s(getpid()) - before);
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    Report report{"printer-render"};
    const std::vector<std::string> all = jobs(), one{long_receipt()};
    for (int round = 0; round < rounds(); ++round) {
        report.add("target", "receipts/s", 200);
        report.add("encoders' receipts, PNG", "receipts/s", rate(all, true));
        report.add("60 lines, PNG", "receipts/s", rate(one, true));
        report.add("60 lines, dots only", "receipts/s", rate(one, false));
    }
    report.ratio("encoders' receipts against the target", "encoders' receipts, PNG", "target", "receipts/s",
                 1, 0, true);
    report.ratio("60 lines against the target", "60 lines, PNG", "target", "receipts/s", 1, 0, true);
    report.note("per second of CPU time of one core");
    report.print(std::string{argv[1]} + "/results");
    return 0;
}
