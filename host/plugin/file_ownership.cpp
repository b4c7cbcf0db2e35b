// Checks whether a library may be loaded. Anyone who can write it, or replace it or a folder above it, can
// run code as the daemon.
//
// Accepted: owned by root or the daemon's user, not writable by group or others. A folder above that others
// may write is accepted if it is sticky and owned by root (/tmp), because only the owner of an entry can
// rename or replace it there; the folders below it are checked themselves. The library's own folder must not
// be sticky and shared, because others could add files to it. With symbolic links, both the folders of the
// given path and those of its target are checked.
#include "plugin.hpp"

#include <filesystem>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

namespace agenthost::host {
namespace {

namespace fs = std::filesystem;

std::string owner_name(uid_t uid) { return uid == 0 ? "root" : "uid " + std::to_string(uid); }

void check_one(const fs::path& path, bool sticky_is_fine, std::vector<std::string>& problems)
{
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) {
        problems.push_back(path.string() + ": " +
                           (errno == ENOENT ? "does not exist. Install it."
                                            : "cannot be examined. Give the daemon's user access."));
        return;
    }
    if (st.st_uid != 0 && st.st_uid != ::geteuid())
        problems.push_back(path.string() + ": owned by " + owner_name(st.st_uid) +
                           ", not by root or the daemon's user (" + owner_name(::geteuid()) +
                           "). Run: chown root " + path.string());
    if (sticky_is_fine && S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) && st.st_uid == 0) return;
    if (st.st_mode & S_IWOTH)
        problems.push_back(path.string() + ": writable by everyone. Run: chmod o-w " + path.string());
    if (st.st_mode & S_IWGRP)
        problems.push_back(path.string() + ": writable by its group. Run: chmod g-w " + path.string());
}

} // namespace

std::vector<std::string> check_file_ownership(const std::string& library)
{
    std::vector<std::string> problems;
    std::error_code ec;
    fs::path manifest{library};
    manifest.replace_extension(".manifest.json");
    const fs::path real = fs::canonical(library, ec);
    if (ec) {
        check_one(library, false, problems);
        if (problems.empty())
            problems.push_back(library + ": cannot be examined (" + ec.message() +
                               "). Give the daemon's user access.");
        return problems;
    }
    check_one(real, false, problems);
    const fs::path real_manifest = fs::canonical(manifest, ec);
    check_one(ec ? manifest : real_manifest, false, problems);
    std::set<fs::path> seen;
    for (const fs::path& file : {real, ec ? real : real_manifest, fs::absolute(fs::path{library})}) {
        for (fs::path folder = file.parent_path(); seen.insert(folder).second; folder = folder.parent_path())
            check_one(folder, folder != file.parent_path(), problems);
    }
    return problems;
}

} // namespace agenthost::host
