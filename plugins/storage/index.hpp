// The index: which file has which content, in SQLite. A row is the acknowledgement: what has one is whole and on the disk.
//
// Thread-safe. Throws base::SqliteError; a change that throws has not happened.
#pragma once

#include "reconcile.hpp"

#include "base/sqlite.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace agenthost::storage {

struct FileRecord {
    std::string id, name, owner, blob;
    std::uint64_t size = 0;
    std::string sha256; // hex; empty: none was computed
    std::int64_t stored_ms = 0;
    FileState state = FileState::whole;
};

class Index {
public:
    explicit Index(const std::string& file);

    std::optional<FileRecord> find(const std::string& id);
    // Puts the row in place of any of that id; the blob it had, if any, goes to the trash in the same transaction and is returned.
    std::optional<std::string> put(const FileRecord&);
    void describe(const std::string& id, const std::string& name,
                  const std::string& owner); // new words for the same content
    // The blob, which is in the trash now; nullopt: no such row.
    std::optional<std::string> remove(const std::string& id);
    void mark(const std::string& id, const std::string& blob, FileState);

    struct Query {
        std::string owner, name; // empty: any; in `name` a * stands for anything
        std::string after;       // ids beyond this one
        std::size_t limit = 100;
        std::size_t max_bytes = 512 << 10; // of a page: half of what a peer accepts in one message by default
    };
    std::vector<FileRecord> list(const Query&);

    struct Totals {
        std::uint64_t files = 0, bytes = 0, missing = 0, damaged = 0;
    };
    Totals totals();

    // This blob of the trash is unlinked for good. Kept in memory and written with the next change: it costs no commit of its own.
    void unlinked(std::string blob);

    std::map<std::string, KnownFile> known();
    std::set<std::string> trash();
    void clear_trash();

private:
    void forget_unlinked();
    std::optional<std::string> trash_blob_of(const std::string& id);
    static FileRecord read(const base::Statement&);

    std::mutex mutex_;
    base::Database db_;
    base::Statement find_, put_, describe_, remove_, mark_, trash_, untrash_, totals_;
    std::vector<std::string> unlinked_;
};

} // namespace agenthost::storage
