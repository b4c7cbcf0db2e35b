// The folder of one server, held as a descriptor: every file operation starts from it. It also carries what users
// must not touch there, and every operation of this room asks it.
//
// Any thread; all operations block, so none may run on an I/O thread (use base::Pool). Owned by the server's files;
// operations in flight keep it by shared_ptr.
#pragma once

#include "denylist.hpp"
#include "descriptors.hpp"
#include "disk_limit.hpp"
#include "path.hpp"

#include "base/fd.hpp"

#include <memory>
#include <optional>
#include <string>

namespace agenthost::docker::files {

struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
};

class Root {
public:
    // Throws, also on a kernel without openat2. `owner`: owns what operations create; absent: the agent's own
    // user.
    explicit Root(const std::string& folder, std::optional<Owner> owner = {}, DiskLimit::Options limit = {});
    // The same folder and the same disk limit, for users: without what the list denies.
    Root(const Root&, Denylist);

    [[nodiscard]] int fd() const { return fd_->get(); }
    [[nodiscard]] DiskLimit& limit() const { return *limit_; }
    [[nodiscard]] const std::optional<Owner>& owner() const { return owner_; }

    [[nodiscard]] const Denylist& denylist() const { return denylist_; }
    // Throws DENIED if users must not touch it. The paths of links need real_path() first.
    void check_denied(const Path&) const;
    // Where a folder or file is that `path` was opened as, links resolved. Only where there is a denylist, which
    // names real paths; otherwise `path` itself.
    [[nodiscard]] Path real_path(int fd, const Path& path) const;

    // Each refuses what is denied. A folder to read from; links of its parents are followed inside the server's folder. Throws.
    [[nodiscard]] base::Fd open_folder(const Path&) const;
    // A folder to change; no part of the path may be a link. Throws.
    [[nodiscard]] base::Fd open_folder_for_change(const Path&) const;
    // An existing regular file to read. Throws.
    [[nodiscard]] base::Fd open_file(const Path&) const;
    // Gives a new file or folder to the owner. Throws.
    void give(int fd, const Path&) const;
    // The same for a new link in a folder.
    void give_link(int folder, const std::string& name, const Path&) const;

private:
    base::Fd open_for_read(base::Fd, const Path&) const;

    std::shared_ptr<const base::Fd> fd_;
    std::optional<Owner> owner_;
    std::shared_ptr<DiskLimit> limit_;
    Denylist denylist_;
};

} // namespace agenthost::docker::files
