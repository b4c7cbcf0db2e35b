// Reads how full filesystems are, without ever waiting for one that does not respond: statvfs() on a dead NFS
// server or a hung disk sleeps uninterruptibly in the kernel.
//
// One thread queries them in turn; query() waits for `timeout` and then uses the results so far. A mount in
// which it hangs is `stuck` until statvfs() returns; meanwhile the others keep their last values. A thread
// that still hangs at the end is abandoned: it owns only its own memory, and ends when the kernel releases
// it.
//
// query() belongs to one thread at a time.
#pragma once

#include "sample.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::telemetry {

class Probe {
public:
    // Fills the values of `usage` for its mount point; false: not possible (gone, denied). Tests replace it.
    using Ask = std::function<bool(Usage&)>;
    explicit Probe(Ask ask = statvfs_of);
    ~Probe();
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

    std::vector<Usage> query(const std::vector<Mount>&, std::chrono::milliseconds timeout);
    // The mount point in which the thread hangs.
    [[nodiscard]] std::optional<std::string> stuck() const;

    static bool statvfs_of(Usage&);

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

} // namespace agenthost::telemetry
