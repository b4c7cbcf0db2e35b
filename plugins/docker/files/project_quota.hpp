// A disk limit that the kernel enforces: a project quota of ext4, XFS or f2fs mounted with prjquota.
//
// The server's folder gets a project id that new files inherit, and the project a limit. It counts what the
// game itself writes too, and hard links once. What it does not stop: a process in the machine's own user
// namespace may give files that it owns another project id (ioctl FS_IOC_FSSETXATTR). A user namespace for
// containers closes that. A process with CAP_SYS_RESOURCE, such as an agent that runs as root, is counted and
// not stopped: DiskLimit checks it. Setting limits needs CAP_SYS_ADMIN. Blocking calls.
#pragma once

#include "control.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace agenthost::docker::files {

class ProjectQuota {
public:
    // `folder` must outlive it. `id`: 1 or more, one for each server of this file system.
    ProjectQuota(int folder, std::uint32_t id) : folder_{folder}, id_{id} {}

    // Whether the file system keeps and enforces project quotas, and the agent may set them. Empty, or why
    // not, with the remedy.
    [[nodiscard]] std::string unavailable() const;
    // The project to which a file or folder belongs; 0: none. nullopt: the file system has no projects.
    static std::optional<std::uint32_t> project_of(int fd);

    // Marks the folder; new files in it are counted. Throws.
    void mark();
    // Marks what is already inside. Regular files and folders only; returns how many could not be marked.
    std::uint64_t mark_contents(Control&);
    // 0: no limit. Throws.
    void set_limit(std::uint64_t bytes);

    struct Numbers {
        std::uint64_t used = 0, limit = 0; // bytes; limit 0: none
        std::uint64_t inodes = 0;
    };
    // nullopt: the file system does not say.
    [[nodiscard]] std::optional<Numbers> numbers() const;

private:
    int folder_;
    std::uint32_t id_;
};

} // namespace agenthost::docker::files
