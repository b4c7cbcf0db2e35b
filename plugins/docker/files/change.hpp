// Small changes: new folders, new names, new modes. No part of a path may be a link. Blocking.
#pragma once

#include "control.hpp"
#include "root.hpp"

namespace agenthost::docker::files {

struct FolderOptions {
    bool parents = false; // also creates missing parents; an existing folder is not an error
    mode_t mode = 0755;
};
void make_folder(const Root&, const Path&, FolderOptions);

struct RenameOptions {
    bool replace = false; // an existing file, or an empty folder by a folder
    bool make_parents = false;
};
// Also moves to another folder. A link is renamed itself. The rename is atomic; both folders are synced. A folder
// with files on the denylist, before or after, is refused; looking for them can be cancelled.
void rename_path(const Root&, const Path& from, const Path& to, RenameOptions, Control&);
void rename_path(const Root&, const Path& from, const Path& to, RenameOptions);

// Of a regular file or a folder; permission bits only.
void change_mode(const Root&, const Path&, mode_t);

} // namespace agenthost::docker::files
