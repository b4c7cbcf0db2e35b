// The index of files and their content, in SQLite. A row acknowledges a file: the file is complete and on
// disk.
//
// Thread-safe. Throws base::SqliteError; then the change was not made.
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
    // Inserts or replaces the row with this id; the old blob, if any, goes to the trash in the same
    // transaction and is returned.
    std::optional<std::string> put(const FileRecord&);
    // New name and owner for the same content.
    void describe(const std::string& id, const std::string& name, const std::string& owner);
    // Removes a row and returns its blob, which is now in the trash; nullopt: no such row.
    std::optional<std::string> remove(const std::string& id);
    void mark(const std::string& id, const std::string& blob, FileState);

    struct Query {
        std::string owner, name; // empty: any; in `name` a * matches anything
        std::string after;       // ids beyond this one
        std::size_t limit = 100;
        std::size_t max_bytes = 512 << 10; // per page: half of the default limit of a peer's message
    };
    std::vector<FileRecord> list(const Query&);

    struct Totals {
        std::uint64_t files = 0, bytes = 0, missing = 0, damaged = 0;
    };
    Totals totals();

    // Whether a change could be made now. Does not wait for locks of other programs.
    bool can_change();

    // Records that this blob of the trash has been unlinked. Kept in memory and written with the next change,
    // so it costs no commit of its own.
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
