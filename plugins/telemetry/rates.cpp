#include "rates.hpp"

#include <algorithm>

namespace agenthost::telemetry {

namespace {

constexpr std::uint64_t wrap = std::uint64_t{1} << 32; // drivers of 32-bit machines and of some virtual cards

double percent_of(double part, double whole)
{
    return whole > 0 ? std::clamp(100 * part / whole, 0.0, 100.0) : 0;
}

// iowait and idle may decrease slightly (see proc(5) for iowait): count that as no time.
std::uint64_t ticks(std::uint64_t before, std::uint64_t now) { return now > before ? now - before : 0; }

std::optional<Rate> rate_of(const Interface& before, const Interface& now, double seconds)
{
    const auto in = moved(before.in, now.in), out = moved(before.out, now.out);
    if (!in || !out) return std::nullopt;
    const auto more = [](std::uint64_t a, std::uint64_t b) { return moved(a, b).value_or(0); };
    return Rate{.name = now.name,
                .in = static_cast<double>(*in) / seconds,
                .out = static_cast<double>(*out) / seconds,
                .in_bytes = *in,
                .out_bytes = *out,
                .errors = more(before.in_errors, now.in_errors) + more(before.out_errors, now.out_errors),
                .drops = more(before.in_drops, now.in_drops) + more(before.out_drops, now.out_drops)};
}

std::optional<Rate> rate_of(const Disk& before, const Disk& now, double seconds)
{
    const auto read = moved(before.read, now.read), written = moved(before.written, now.written);
    if (!read || !written) return std::nullopt;
    const auto busy = moved(before.busy_ms, now.busy_ms).value_or(0);
    return Rate{.name = now.name,
                .in = static_cast<double>(*read) / seconds,
                .out = static_cast<double>(*written) / seconds,
                .in_bytes = *read,
                .out_bytes = *written,
                .busy = percent_of(static_cast<double>(busy) / 1000, seconds)};
}

template <class Device>
std::vector<Rate> rates_of(std::map<std::string, Device>& before, const std::vector<Device>& now,
                           double seconds, bool comparable)
{
    std::vector<Rate> out;
    std::map<std::string, Device> seen;
    for (const Device& device : now) {
        std::optional<Rate> rate;
        if (const auto at = before.find(device.name); comparable && at != before.end())
            rate = rate_of(at->second, device, seconds);
        out.push_back(rate ? std::move(*rate) : Rate{.name = device.name});
        seen.insert_or_assign(device.name, device);
    }
    before = std::move(seen); // devices that disappeared are forgotten; if they return, they start again
    return out;
}

} // namespace

std::optional<std::uint64_t> moved(std::uint64_t before, std::uint64_t now)
{
    if (now >= before) return now - before;
    const bool wrapped = before < wrap && before >= wrap / 4 * 3 && now < wrap / 4;
    if (wrapped) return wrap - before + now;
    return std::nullopt;
}

std::optional<double> cpu_percent(const CpuTicks& a, const CpuTicks& b)
{
    const double idle =
        static_cast<double>(ticks(a.idle, b.idle)) + static_cast<double>(ticks(a.iowait, b.iowait));
    double busy = 0;
    for (const auto part : {&CpuTicks::user, &CpuTicks::nice, &CpuTicks::system, &CpuTicks::irq,
                            &CpuTicks::softirq, &CpuTicks::steal})
        busy += static_cast<double>(ticks(a.*part, b.*part));
    if (idle + busy <= 0) return std::nullopt;
    return percent_of(busy, idle + busy);
}

Sample Rates::step(const Reading& now, std::int64_t at_ms)
{
    Sample out;
    out.at_ms = at_ms;
    const auto elapsed = now.at - before_;
    const bool early = has_before_ && elapsed >= elapsed.zero() && elapsed < min_interval;
    const bool comparable = has_before_ && elapsed >= min_interval;

    // Values of a moment.
    if (now.memory) {
        out.memory_bytes = *now.memory;
        out.memory = percent_of(static_cast<double>(now.memory->total - now.memory->available),
                                static_cast<double>(now.memory->total));
    }
    if (now.load) out.load = *now.load;
    if (now.disk) out.disk = now.disk->percent();
    out.uptime_s = now.uptime_s.value_or(0);
    out.filesystems = now.filesystems;
    out.left_out = now.left_out;
    out.cpus = now.cpu ? now.cpu->cpus : last_.cpus;

    // Values of a time span.
    out.cpu = last_.cpu;
    if (early) {
        out.network_in = last_.network_in;
        out.network_out = last_.network_out;
        out.interfaces = last_.interfaces;
        out.disks = last_.disks;
        for (auto* list : {&out.interfaces, &out.disks}) // counted already
            for (Rate& rate : *list) rate.in_bytes = rate.out_bytes = rate.errors = rate.drops = 0;
        out.has_rates = last_.has_rates;
        return last_ = out;
    }
    const double seconds = std::chrono::duration<double>(elapsed).count();
    if (now.cpu) {
        // The first reading can only be compared with boot: its CPU value is the average since then.
        if (!cpu_) out.cpu = cpu_percent({}, *now.cpu).value_or(0);
        if (cpu_ && comparable) out.cpu = cpu_percent(*cpu_, *now.cpu).value_or(last_.cpu);
        cpu_ = now.cpu;
    }
    out.interfaces = rates_of(interfaces_, now.interfaces, seconds, comparable);
    out.disks = rates_of(disks_, now.disks, seconds, comparable);
    for (const Rate& rate : out.interfaces) {
        out.network_in += rate.in;
        out.network_out += rate.out;
    }
    out.has_rates = comparable;
    before_ = now.at;
    has_before_ = true;
    return last_ = out;
}

} // namespace agenthost::telemetry
