// Visits a tree of any depth with a bounded number of descriptors, without ever following a link, while
// another process renames, replaces and removes what it visits.
//
//     TreeWalk walk{folder};
//     while (const TreeWalk::Entry* at = walk.next()) ...
//
// Order: all entries of a folder that are not folders, then each of its folders (enter, contents, leave). A
// folder is opened by its name with O_NOFOLLOW from its parent's descriptor. The first `kept_open` levels
// stay open; from deeper ones the walk goes back by "..", and only if that is the folder it came from (device
// and inode). Where it is not, the rest of the branch is given up: `lost()` counts it. Blocking; one thread
// at a time.
#pragma once

#include "base/fd.hpp"

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace agenthost::docker::files {

class TreeWalk {
public:
    enum class Step {
        file,      // anything that is not a folder
        enter,     // a folder, now open
        leave,     // the same folder, after its contents
        unreadable // a folder that cannot be opened: `error`
    };
    struct Entry {
        Step step = Step::file;
        std::string name;
        // The folder that contains the entry; for enter the folder itself. Valid until the next call of
        // next().
        int folder = -1;
        // Of a file and of an entered folder.
        struct stat info {};
        int error = 0;
        // 0: directly in the top folder.
        std::size_t depth = 0;
    };

    static constexpr std::size_t kept_open = 32;
    // Names of folders that wait for their visit.
    static constexpr std::size_t max_pending_bytes = 32 << 20;

    explicit TreeWalk(base::Fd top);
    // nullptr: the end. Throws only std::bad_alloc.
    const Entry* next();
    // After enter: leaves the folder out (no leave follows).
    void skip();
    // After unreadable: tries the same folder once more.
    void retry();

    // Folders whose contents were not all seen: moved away meanwhile, or too many. They get no `leave`.
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    // The folder of the last entry, below the top: "" or "a/b". For messages.
    [[nodiscard]] std::string folder_path() const;

private:
    struct Frame {
        base::Fd fd; // empty: closed, go back by ".."
        dev_t device = 0;
        ino_t inode = 0;
        std::string name;
        std::vector<std::string> pending;
    };

    bool read_entry(); // the next entry of the folder that is being read
    bool fill_buffer();
    void remember(const char* name);
    bool descend(); // false: nothing to report
    bool go_back();
    bool reopen_parent();

    std::vector<Frame> frames_;
    std::vector<char> buffer_;
    std::size_t at_ = 0, filled_ = 0, pending_bytes_ = 0;
    bool reading_ = true;
    std::uint64_t lost_ = 0;
    Entry entry_;
};

} // namespace agenthost::docker::files
