#include "system_reader.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace agenthost::telemetry {

namespace {

constexpr std::size_t max_file = 1 << 20;

std::optional<std::string> read_all(int fd)
{
    std::string out;
    std::size_t size = 0;
    while (size < max_file) {
        out.resize(std::min(max_file, std::max<std::size_t>(8192, size * 2)));
        const auto got = ::pread(fd, out.data() + size, out.size() - size, static_cast<off_t>(size));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::nullopt;
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    out.resize(size);
    return out;
}

std::chrono::nanoseconds monotonic()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

// The elements whose names were chosen.
template <class T> std::vector<T> only(std::vector<T> all, const Choice& choice)
{
    std::erase_if(all, [&](const T& one) { return !std::ranges::binary_search(choice.names, one.name); });
    return all;
}

bool under(std::string_view path, std::string_view point)
{
    if (point == "/") return true;
    return path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/');
}

} // namespace

std::optional<std::string> small_file(const std::string& path)
{
    const base::Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)}; // must not block on a FIFO
    return fd ? read_all(fd.get()) : std::nullopt;
}

SystemReader::SystemReader(Options options, Probe::Ask ask)
    : options_{std::move(options)}, probe_{std::move(ask)}
{}

Reading SystemReader::read()
{
    Reading out;
    const auto parsed = [&](const char* name, auto parse) {
        const auto text = small_file(options_.proc + "/" + name);
        return parse(text ? std::string_view{*text} : std::string_view{});
    };
    out.at = monotonic();
    out.cpu = parsed("stat", parse_stat);
    out.memory = parsed("meminfo", parse_meminfo);
    out.load = parsed("loadavg", parse_loadavg);
    out.uptime_s = parsed("uptime", parse_uptime);
    auto interfaces = parsed("net/dev", parse_net_dev);
    const auto chosen = choose_interfaces(interfaces, options_.interfaces);
    out.interfaces = only(std::move(interfaces), chosen);
    auto disks = parsed("diskstats", parse_diskstats);
    const auto chosen_disks = choose_disks(disks);
    out.disks = only(std::move(disks), chosen_disks);
    read_mounts();
    read_filesystems(out);
    out.left_out = chosen.left_out + chosen_disks.left_out + mounts_.left_out;
    return out;
}

// Hundreds of mounts are common with containers, and they rarely change: the file is reread only when the
// kernel reports a change.
void SystemReader::read_mounts()
{
    if (!mounts_file_) {
        mounts_file_.reset(::open((options_.proc + "/self/mountinfo").c_str(), O_RDONLY | O_CLOEXEC));
        mounts_known_ = false;
        if (!mounts_file_) return;
    }
    pollfd changed{mounts_file_.get(), POLLPRI, 0};
    if (::poll(&changed, 1, 0) > 0 && (changed.revents & (POLLPRI | POLLERR))) mounts_known_ = false;
    if (mounts_known_) return;
    const auto text = read_all(mounts_file_.get());
    if (!text) return;
    auto all = parse_mountinfo(*text);
    const Mount* disk = nullptr; // the longest mount point above it; the later of two at the same point
    for (const Mount& mount : all)
        if (under(options_.disk, mount.point) && (!disk || mount.point.size() >= disk->point.size()))
            disk = &mount;
    std::optional<Mount> of_disk;
    if (disk && (options_.network_filesystems || !may_hang(disk->type))) of_disk = *disk;
    mounts_ = choose_mounts(std::move(all), options_.filesystems, options_.network_filesystems);
    disk_point_ = of_disk ? of_disk->point : "";
    if (of_disk) { // queried first, and shown if it was chosen
        std::erase_if(mounts_.mounts, [&](const Mount& m) { return m.point == of_disk->point; });
        mounts_.mounts.insert(mounts_.mounts.begin(), std::move(*of_disk));
    }
    mounts_known_ = true;
}

void SystemReader::read_filesystems(Reading& out)
{
    for (Usage& usage : probe_.query(mounts_.mounts, options_.timeout)) {
        if (usage.stuck) { // keep the last known values
            Usage& known = usage_[usage.point];
            if (known.point.empty()) known = usage;
            known.stuck = true;
        } else {
            usage_[usage.point] = usage;
        }
    }
    std::erase_if(usage_, [this](const auto& known) {
        return std::ranges::find(mounts_.mounts, known.first, &Mount::point) == mounts_.mounts.end();
    });
    for (const auto& [point, usage] : usage_) {
        out.filesystems.push_back(usage);
        if (point == disk_point_) out.disk = usage;
    }
}

} // namespace agenthost::telemetry
