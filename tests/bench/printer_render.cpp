// How many receipts a core draws: the jobs of tests/integration/printer_receipts, each parsed, drawn and
// written as a PNG. The limit beside it is libpng with the same picture, already drawn.
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

Receipt drawn(const std::string& job)
{
    return render({reinterpret_cast<const std::uint8_t*>(job.data()), job.size()});
}

// Receipts per second of CPU time.
template <class Work> double rate(const std::vector<std::string>& jobs, const Work& work)
{
    const double before = own_cpu_s();
    int count = 0;
    do {
        for (const std::string& job : jobs) {
            if (work(job) == 0) std::abort();
            ++count;
        }
    } while (own_cpu_s() - before < 1);
    return count / (own_cpu_s() - before);
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    Report report{"printer-render"};
    const std::vector<std::string> all = jobs(), one{long_receipt()};
    const auto as_file = [](const std::string& job) { return as_png(drawn(job).picture).size(); };
    const auto as_dots = [](const std::string& job) { return drawn(job).picture.height(); };
    const Receipt done = drawn(one.front());
    const auto compressed = [&](const std::string&) { return as_png(done.picture).size(); };
    for (int round = 0; round < rounds(); ++round) {
        report.add("encoders' receipts, PNG", "receipts/s", rate(all, as_file));
        report.add("60 lines, PNG", "receipts/s", rate(one, as_file));
        report.add("60 lines, dots only", "receipts/s", rate(one, as_dots));
        report.add("60 lines, libpng alone (the limit)", "receipts/s", rate(one, compressed));
    }
    for (const char* subject : {"encoders' receipts, PNG", "60 lines, PNG"})
        report.limit(std::string{subject} + ": receipts/s", subject, "receipts/s", 200, 500, true);
    report.ratio("60 lines against libpng alone", "60 lines, PNG", "60 lines, libpng alone (the limit)",
                 "receipts/s", 0, 0.5, true);
    report.note("per second of CPU time of one core");
    return report.print(std::string{argv[1]} + "/results");
}
