#include "project_quota.hpp"

#include "descriptors.hpp"
#include "error.hpp"
#include "tree_walk.hpp"

#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace agenthost::docker::files {

namespace {

// The source of the mount on which `fd` is: quotactl wants the block device's path. Empty: not found.
std::string block_device_of(int fd)
{
    struct stat info {};
    if (::fstat(fd, &info) != 0) return {};
    const std::string wanted = std::to_string(major(info.st_dev)) + ":" + std::to_string(minor(info.st_dev));
    std::ifstream mounts{"/proc/self/mountinfo"};
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields{line};
        std::string id, parent, device, field;
        fields >> id >> parent >> device;
        if (device != wanted) continue;
        while (fields >> field && field != "-") {}
        std::string type, source;
        fields >> type >> source;
        return source;
    }
    return {};
}

// quotactl by descriptor (Linux 5.14), else by the device's path.
int project_quotactl(int fd, int command, std::uint32_t id, void* data)
{
    const unsigned call = QCMD(static_cast<unsigned>(command), PRJQUOTA);
#ifdef SYS_quotactl_fd
    if (::syscall(SYS_quotactl_fd, fd, call, id, data) == 0) return 0;
    if (errno != ENOSYS && errno != EPERM) return errno;
#endif
    const std::string device = block_device_of(fd);
    if (!device.starts_with('/')) return ENOSYS; // tmpfs and its like
    return ::syscall(SYS_quotactl, call, device.c_str(), id, data) == 0 ? 0 : errno;
}

int set_project(int fd, std::uint32_t id, bool folder)
{
    struct fsxattr attributes {};
    if (::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return errno;
    const bool inherits = (attributes.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0;
    if (attributes.fsx_projid == id && (!folder || inherits)) return 0;
    attributes.fsx_projid = id;
    if (folder) attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    return ::ioctl(fd, FS_IOC_FSSETXATTR, &attributes) == 0 ? 0 : errno;
}

} // namespace

std::string ProjectQuota::unavailable() const
{
    // Any user may ask for the state. A file system may count without enforcing limits: ext4 with the feature
    // `quota`, mounted without prjquota.
    struct fs_quota_statv state {};
    state.qs_version = FS_QSTATV_VERSION1;
    const int error = project_quotactl(folder_, Q_XGETQSTATV, 0, &state);
    const bool root = ::geteuid() == 0;
    if (error != 0 || (state.qs_flags & FS_QUOTA_PDQ_ENFD) == 0) {
        const bool counts = error == 0 && (state.qs_flags & FS_QUOTA_PDQ_ACCT) != 0;
        const std::string why = error != 0 ? " (" + std::string{std::strerror(error)} + ")" : std::string{};
        return "the file system of the server's folder " +
               (counts ? "counts projects and enforces no limits" : "keeps no project quotas" + why) +
               ". Mount an ext4 or XFS file system with the option prjquota there." +
               (root ? "" : " The agent's user may not set quotas either. Run it as root.");
    }
    struct if_dqblk block {};
    if (project_quotactl(folder_, Q_GETQUOTA, id_, &block) != EPERM) return {};
    return std::string{"the agent may not use project quotas"} +
           (root ? ", although it is root: it has no CAP_SYS_ADMIN. Give it this capability."
                 : ". Run it as root.");
}

std::optional<std::uint32_t> ProjectQuota::project_of(int fd)
{
    struct fsxattr attributes {};
    if (::ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return std::nullopt;
    return attributes.fsx_projid;
}

void ProjectQuota::mark()
{
    if (const int error = set_project(folder_, id_, true); error != 0)
        fail_errno(error, Path{}, "the project id of the quota cannot be set");
}

std::uint64_t ProjectQuota::mark_contents(Control& control)
{
    std::uint64_t missed = 0;
    TreeWalk walk{base::Fd{::openat(folder_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)}};
    while (const auto* at = walk.next()) {
        if (at->step == TreeWalk::Step::leave) continue;
        control.entry();
        if (at->step == TreeWalk::Step::enter) {
            missed += set_project(at->folder, id_, true) != 0;
        } else if (at->step == TreeWalk::Step::unreadable) {
            ++missed;
        } else if (S_ISREG(at->info.st_mode)) {
            const base::Fd file{open_regular_name(at->folder, at->name.c_str(), O_RDONLY)};
            missed += !file || set_project(file.get(), id_, false) != 0;
        }
    }
    return missed + walk.lost();
}

void ProjectQuota::set_limit(std::uint64_t bytes)
{
    struct if_dqblk block {};
    block.dqb_bhardlimit = (bytes + QIF_DQBLKSIZE - 1) / QIF_DQBLKSIZE;
    block.dqb_bsoftlimit = 0;
    block.dqb_valid = QIF_BLIMITS;
    if (const int error = project_quotactl(folder_, Q_SETQUOTA, id_, &block); error != 0)
        fail_errno(error, Path{}, "the project quota cannot be set");
}

std::optional<ProjectQuota::Numbers> ProjectQuota::numbers() const
{
    struct if_dqblk block {};
    if (project_quotactl(folder_, Q_GETQUOTA, id_, &block) != 0) return std::nullopt;
    return Numbers{.used = block.dqb_curspace,
                   .limit = block.dqb_bhardlimit * QIF_DQBLKSIZE,
                   .inodes = block.dqb_curinodes};
}

} // namespace agenthost::docker::files
