// Puts the entries of an archive below one folder. Internal to unpack.cpp.
//
// Every name is checked (Path), every folder on the way is opened by its name with O_NOFOLLOW from its
// parent, and links are never followed: whatever an archive says, and whatever the game swaps meanwhile,
// nothing lands outside.
#pragma once

#include "archive.hpp"
#include "archive_library.hpp"

#include <string>
#include <string_view>
#include <sys/stat.h>

namespace agenthost::docker::files {

class UnpackEntries {
public:
    // `folder`: an empty folder of ours. `depth`: levels of the final place below the server's folder.
    UnpackEntries(const Root&, int folder, const Path& archive, const Path& target,
                  std::uint64_t archive_size, const UnpackOptions&, Control&);

    // Takes the entry that `a` has read the header of, with its data. Throws.
    void take(archive* a, archive_entry* entry);
    void settle() { claim_.settle(unpacked_.bytes); }
    Unpacked& unpacked() { return unpacked_; }

private:
    Path name_of(archive_entry*) const;
    int parent_of(const Path&);
    void folder(const Path&, mode_t);
    void file(archive*, archive_entry*, const Path&);
    void link(const Path&, const char* target);
    void hard_link(archive*, const Path&, const char* target);
    // Copies the data of an entry; file -1: only counts it.
    void data(archive*, int file);
    void count(std::uint64_t bytes);
    void check_denied(const Path&) const;
    void leave_out(const Path&, std::string_view why);
    [[nodiscard]] bool leads_outside(const Path&, std::string_view target) const;
    [[noreturn]] void refuse(const std::string& entry, const std::string& why) const;

    const Root& root_;
    int top_;
    const Path& archive_path_;
    const Path& target_;
    std::uint64_t archive_size_;
    const UnpackOptions& options_;
    Control& control_;
    DiskLimit::Claim claim_;
    Unpacked unpacked_;
    std::uint64_t seen_entries_ = 0, seen_bytes_ = 0;
    // The folder of the last entry stays open: most entries follow one of the same folder.
    Path last_parent_;
    base::Fd last_folder_;
};

} // namespace agenthost::docker::files
