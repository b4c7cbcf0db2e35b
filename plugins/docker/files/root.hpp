// The folder of one server, held as a descriptor: every file operation starts from it.
//
// Any thread; all operations block, so none may run on an I/O thread (use Pool). Owned by the server's files;
// operations in flight keep it by shared_ptr.
#pragma once

#include "descriptors.hpp"
#include "disk_limit.hpp"
#include "path.hpp"

#include "base/fd.hpp"

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

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] DiskLimit& limit() const { return limit_; }
    [[nodiscard]] const std::optional<Owner>& owner() const { return owner_; }

    // A folder to read from; links of its parents are followed inside the server's folder. Throws.
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
    base::Fd fd_;
    std::optional<Owner> owner_;
    mutable DiskLimit limit_;
};

} // namespace agenthost::docker::files
