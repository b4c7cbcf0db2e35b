#include "choose.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace agenthost::telemetry {

namespace {

template <std::size_t N> bool one_of(std::string_view word, const std::array<std::string_view, N>& all)
{
    return std::ranges::find(all, word) != all.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "sda1" of sda, "nvme0n1p2" of nvme0n1, "mmcblk0p1" of mmcblk0.
bool is_partition(std::string_view name)
{
    if (name.starts_with("nvme") || name.starts_with("mmcblk") || name.starts_with("md")) {
        const auto p = name.rfind('p');
        return p != name.npos && p > 0 && p + 1 < name.size() && is_digit(name[p - 1]) &&
               std::all_of(name.begin() + static_cast<std::ptrdiff_t>(p) + 1, name.end(), is_digit);
    }
    static constexpr std::array<std::string_view, 4> lettered{"sd", "vd", "hd", "xvd"};
    for (const auto prefix : lettered)
        if (name.starts_with(prefix)) return is_digit(name.back());
    return false;
}

bool kernels_own(std::string_view type) // pseudo filesystems without a disk
{
    static constexpr std::array<std::string_view, 31> types{
        "autofs",   "binder",   "binfmt_misc", "bpf",     "cgroup",     "cgroup2",    "configfs",  "debugfs",
        "devpts",   "devtmpfs", "efivarfs",    "fusectl", "hugetlbfs",  "mqueue",     "nsfs",      "overlay",
        "proc",     "pstore",   "ramfs",       "rootfs",  "rpc_pipefs", "securityfs", "selinuxfs", "smackfs",
        "squashfs", "sysfs",    "tmpfs",       "tracefs", "iso9660",    "udf",        "erofs"};
    return one_of(type, types);
}

Choice bounded(std::vector<std::string> names, std::size_t max)
{
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    Choice out;
    out.left_out = names.size() > max ? names.size() - max : 0;
    names.resize(std::min(names.size(), max));
    out.names = std::move(names);
    return out;
}

} // namespace

bool matches(std::string_view pattern, std::string_view name)
{
    if (!pattern.ends_with('*')) return pattern == name;
    return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view name)
{
    return std::ranges::any_of(patterns, [&](const std::string& p) { return matches(p, name); });
}

Choice choose_interfaces(const std::vector<Interface>& all, const std::vector<std::string>& patterns)
{
    static const std::vector<std::string> not_counted{
        "lo",     "veth*",  "docker*", "podman*",    "br*",  "virbr*",   "vnet*",  "tap*",
        "tun*",   "wg*",    "ppp*",    "cali*",      "cni*", "flannel*", "vxlan*", "bond*",
        "team*",  "dummy*", "sit*",    "ip6tnl*",    "gre*", "erspan*",  "ifb*",   "lxc*",
        "lxdbr*", "nlmon*", "vti*",    "tailscale*", "zt*",  "cilium*"};
    std::vector<std::string> names;
    for (const Interface& one : all) {
        const bool wanted = patterns.empty()
                                ? !matches_any(not_counted, one.name) &&
                                      one.name.find_first_of(".@:") == std::string::npos // VLANs, aliases
                                : matches_any(patterns, one.name);
        if (wanted) names.push_back(one.name);
    }
    return bounded(std::move(names), max_interfaces);
}

Choice choose_disks(const std::vector<Disk>& all)
{
    std::vector<std::string> names;
    for (const Disk& one : all) {
        const std::string_view name = one.name;
        if (name.starts_with("loop") || name.starts_with("ram") || name.starts_with("zram") ||
            name.starts_with("sr") || name.starts_with("fd") ||
            name.starts_with("dm-") || // counted by the disk below it
            is_partition(name))
            continue;
        names.push_back(one.name);
    }
    return bounded(std::move(names), max_disks);
}

bool may_hang(std::string_view type)
{
    static constexpr std::array<std::string_view, 21> types{
        "9p",    "acfs", "afs",   "beegfs",    "ceph", "cifs",   "coda",
        "davfs", "fuse", "gfs2",  "glusterfs", "gpfs", "lustre", "ncpfs",
        "nfs",   "nfs4", "ocfs2", "orangefs",  "smb3", "smbfs",  "vboxsf"};
    return one_of(type, types) || (type.starts_with("fuse.")); // fuseblk (ntfs-3g) is a local disk
}

ChosenMounts choose_mounts(std::vector<Mount> all, const std::vector<std::string>& patterns, bool network)
{
    // A later mount at the same point covers the earlier one.
    std::map<std::string, Mount> by_point;
    for (Mount& mount : all) {
        auto point = mount.point;
        by_point.insert_or_assign(std::move(point), std::move(mount));
    }
    // The shortest path of each; a bind mount shows the same filesystem.
    std::map<std::string, Mount> by_device;
    for (auto& [point, mount] : by_point) {
        if (may_hang(mount.type) && !network) continue;
        const bool wanted =
            patterns.empty() ? point == "/" || !kernels_own(mount.type) : matches_any(patterns, point);
        if (!wanted) continue;
        const auto at = by_device.find(mount.device);
        if (at == by_device.end())
            by_device.emplace(mount.device, mount);
        else if (point.size() < at->second.point.size())
            at->second = mount;
    }
    ChosenMounts out;
    for (auto& [device, mount] : by_device) out.mounts.push_back(std::move(mount));
    std::ranges::sort(out.mounts, {}, &Mount::point);
    if (out.mounts.size() > max_filesystems) {
        out.left_out = out.mounts.size() - max_filesystems;
        out.mounts.resize(max_filesystems);
    }
    return out;
}

} // namespace agenthost::telemetry
