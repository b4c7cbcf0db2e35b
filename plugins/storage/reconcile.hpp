// What to do at start-up with what is found: rows of the index against files of the disk. Pure decision, carried out by Store.
//
//   a row and its file              fine; of another size: the row is damaged, the file stays to be looked at
//   a missing row and its file      fine again: the file was away, with a disk perhaps
//   a damaged row and its file      of the right size: whole when nothing else could be wrong (no checksum is recorded); else only
//                                   storage.verify can tell, so it stays damaged
//   a row without its file          missing: kept and reported, so that nobody believes the file was never there
//   a file in the index's trash     ours to delete: the crash came between the commit and the unlink
//   a file nobody knows             an orphan: into quarantine, counted; when that is full, left where it is
//   a temporary file                a transfer that was never acknowledged: removed and counted
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace agenthost::storage {

enum class FileState { whole = 0, missing = 1, damaged = 2 };

struct FoundFile {
    std::string blob; // the name, without its folder
    std::uint64_t size = 0;
};

struct KnownFile {
    std::string id;
    std::uint64_t size = 0;
    FileState state = FileState::whole; // as recorded
    bool has_checksum = false;
};

struct ReconcilePlan {
    std::vector<std::string> missing, damaged, back; // ids
    std::vector<FoundFile> quarantine, left;         // orphans
    std::vector<std::string> unlink;                 // blobs of the trash that are still there
};

// known: blob -> row.
ReconcilePlan reconcile(const std::map<std::string, KnownFile>& known, const std::set<std::string>& trash,
                        const std::vector<FoundFile>& found, std::size_t quarantine_room);

} // namespace agenthost::storage
