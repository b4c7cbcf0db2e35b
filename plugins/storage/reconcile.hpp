// Decides at start-up how to repair differences between the index and the files on disk. Pure; Store carries
// it out.
//
//   a row and its file              fine; with another size: the row is damaged, the file stays for inspection
//   a missing row and its file      fine again: the file had been missing, perhaps with its disk
//   a damaged row and its file      with the right size: complete if there is no checksum; else only
//                                   storage.verify can decide, so it stays damaged
//   a row without its file          missing: kept and reported, so that the loss is visible
//   a file in the index's trash     deleted: there was a crash between the commit and the unlink
//   an unknown file                 an orphan: moved to quarantine and counted; if that is full, left in place
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
                        const std::vector<FoundFile>& found, std::size_t quarantine_slots);

} // namespace agenthost::storage
