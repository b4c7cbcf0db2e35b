// Manages the folders under storage_path. Every file name in them is random and chosen here: no text from a
// server becomes part of a path.
//
//   index.db      the index (Index)
//   files/ab/...  content in place, sharded by the first two digits of its name
//   incoming/     running transfers
//   quarantine/   orphans found at start-up
//   lock          held while a daemon uses the folder
//   store-id      the store's mark (mark.hpp), also in files/
//   ballast       reserve that is released when the disk is full, so that the index can still open and record a
//                 delete
//
// A file is in place when its bytes, its name and the folder's entry have been synced, in this order.
// Thread-safe: its only state is the folders' descriptors.
//
// More than 25 members: each operation on a folder is a function.
#pragma once

#include "problem.hpp"
#include "reconcile.hpp"

#include "base/disk_trouble.hpp"
#include "base/fd.hpp"
#include "base/file_lock.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::storage {

class Store {
public:
    // Takes the lock. A store that was used before, by its mark or by `expected` (the id recorded in the
    // state directory; empty: none), must be complete; a new one is created. Throws std::runtime_error with
    // the path and the remedy.
    explicit Store(const std::string& path, const std::string& expected = {},
                   const std::string& known_file = {});

    // Throws what the constructor would throw for an incomplete store that was used before. Changes nothing
    // and takes no lock. Parts that this user may not read are skipped.
    static void examine(const std::string& path, const std::string& expected, const std::string& known_file);

    // Writes missing marks, once the index is open. Empty, or why they could not be written.
    MaybeProblem sign();
    [[nodiscard]] const std::string& id() const { return id_; } // empty: not signed yet

    // A new, empty file in incoming/; its destructor removes it unless it was placed. The store must outlive
    // it.
    class Temp {
    public:
        // `folder`: the descriptor of the folder that the file is in. `blob`: its name there and once it is
        // placed.
        Temp(int folder, base::Fd fd, std::string blob)
            : folder_{folder}, fd_{std::move(fd)}, blob_{std::move(blob)}
        {}
        Temp(Temp&&) noexcept;
        Temp& operator=(Temp&&) = delete;
        ~Temp();
        [[nodiscard]] int fd() const { return fd_.get(); }
        [[nodiscard]] const std::string& blob() const { return blob_; }
        void keep() { kept_ = true; } // it is no longer in the folder

    private:
        int folder_;
        base::Fd fd_;
        std::string blob_;
        bool kept_ = false;
    };
    std::optional<Temp> create(MaybeProblem&) const;
    MaybeProblem place(Temp&) const; // sync, rename, sync the folder

    [[nodiscard]] base::Fd open(const std::string& blob, int& error) const; // to read
    MaybeProblem remove(const std::string& blob) const; // and syncs the folder; a missing file is fine

    // Call it once the index is open: from then on lost() watches the index's file, too.
    void watch_index();
    // Why the open folders and the open index are not those at storage_path any more (deleted, or their disk
    // was unmounted): whatever is written now would be lost. Empty: they are.
    [[nodiscard]] MaybeProblem lost() const;

    [[nodiscard]] std::uint64_t free_bytes() const;
    [[nodiscard]] std::string index_file() const { return path_ + "/index.db"; }
    [[nodiscard]] const std::string& path() const { return path_; }

    void load_ballast() const; // if the disk has space; none on file systems that cannot allocate blocks
    bool drop_ballast() const; // false: there was none

    // For reconciling.
    [[nodiscard]] std::vector<FoundFile> scan() const; // regular files in files/
    [[nodiscard]] std::vector<std::string>
    strangers() const; // entries that are not our regular files; left alone
    bool quarantine(const std::string& blob) const;
    [[nodiscard]] std::vector<FoundFile> quarantined() const;
    std::vector<FoundFile> remove_incoming() const; // returns the removed files

private:
    [[nodiscard]] static std::string relative(const std::string& blob)
    {
        return blob.substr(0, 2) + "/" + blob;
    }

    void open_root(const std::string& expected, const std::string& known_file);
    void open_folders();

    std::string path_, id_;
    base::Fd root_, files_, incoming_, quarantine_;
    std::optional<base::FileId> index_; // of the open index.db
    base::FileLock lock_;
};

bool is_blob_name(std::string_view); // 32 hex digits

} // namespace agenthost::storage
