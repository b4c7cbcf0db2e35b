// The folders under storage_path, and nothing else of the disk. Every name in them is random and ours: nothing a server sends
// reaches a path.
//
//   index.db      the index (Index)
//   files/ab/...  content in place, sharded by the first two digits of its name
//   incoming/     transfers under way
//   quarantine/   orphans found at start-up
//   lock          held while a daemon uses the folder
//   store-id      the store's mark (mark.hpp), also in files/
//   ballast       space thrown overboard when the disk is full, so that the index can still open and record a delete
//
// A file is in place when its bytes, its name and the folder's entry have been synced, in this order. Thread-safe: it holds no
// state but descriptors of folders.
#pragma once

#include "problem.hpp"
#include "reconcile.hpp"

#include "base/fd.hpp"
#include "base/file_lock.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace agenthost::storage {

class Store {
public:
    // Takes the lock. A store that was used before, by its mark or by `expected` (the id that the state directory remembers; empty:
    // none), must be there whole; else the folders are made. Throws std::runtime_error with the path and what to do.
    explicit Store(const std::string& path, const std::string& expected = {},
                   const std::string& known_file = {});

    // Throws what the constructor would throw because a store that was used before is not there whole. Changes nothing and takes no
    // lock. What this user may not read is passed over.
    static void examine(const std::string& path, const std::string& expected, const std::string& known_file);

    // Writes the mark where it is missing, once the index is open. Empty, or why it could not be written.
    MaybeProblem sign();
    [[nodiscard]] const std::string& id() const { return id_; } // empty: not signed yet

    // A new, empty file in incoming/; its destructor removes it unless it was placed. The store outlives it.
    class Temp {
    public:
        // `folder`: the descriptor of the folder that the file is in. `blob`: its name there and once it is placed.
        Temp(int folder, base::Fd fd, std::string blob)
            : folder_{folder}, fd_{std::move(fd)}, blob_{std::move(blob)}
        {}
        Temp(Temp&&) noexcept;
        Temp& operator=(Temp&&) = delete;
        ~Temp();
        [[nodiscard]] int fd() const { return fd_.get(); }
        [[nodiscard]] const std::string& blob() const { return blob_; }
        void keep() { kept_ = true; } // it is not in the folder any more

    private:
        int folder_;
        base::Fd fd_;
        std::string blob_;
        bool kept_ = false;
    };
    std::optional<Temp> create(MaybeProblem&) const;
    MaybeProblem place(Temp&) const; // sync, rename, sync the folder

    [[nodiscard]] base::Fd open(const std::string& blob, int& error) const; // to read
    MaybeProblem remove(const std::string& blob) const; // and sync the folder; one that is gone is fine

    [[nodiscard]] std::uint64_t free_bytes() const;
    [[nodiscard]] std::string index_file() const { return path_ + "/index.db"; }
    [[nodiscard]] const std::string& path() const { return path_; }

    void load_ballast() const; // if the disk has room for it; where blocks cannot be allocated there is none
    bool drop_ballast() const; // false: there was none

    // For reconciling.
    [[nodiscard]] std::vector<FoundFile> scan() const; // regular files in files/
    [[nodiscard]] std::vector<std::string>
    strangers() const; // what is no regular file of ours there; left alone
    bool quarantine(const std::string& blob) const;
    [[nodiscard]] std::vector<FoundFile> quarantined() const;
    std::vector<FoundFile> remove_incoming() const; // and says what it removed

private:
    [[nodiscard]] static std::string relative(const std::string& blob)
    {
        return blob.substr(0, 2) + "/" + blob;
    }

    void open_root(const std::string& expected, const std::string& known_file);
    void open_folders();

    std::string path_, id_;
    base::Fd root_, files_, incoming_, quarantine_;
    base::FileLock lock_;
};

bool is_blob_name(std::string_view); // 32 hex digits

} // namespace agenthost::storage
