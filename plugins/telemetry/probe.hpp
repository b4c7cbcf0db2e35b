// Asks filesystems how full they are, without ever waiting for one that does not answer: statvfs() of a dead NFS server or of a hung
// disk sleeps in the kernel, uninterruptibly, for as long as that is so.
//
// One thread asks, in turn; look() gives it `patience` and then takes what it has. The mount it hangs in is `stuck` until it returns,
// and nothing else is asked meanwhile: the last figures of the others stand. A thread that hangs at the end is left behind: it holds
// only memory of its own, and ends when the kernel lets it go.
//
// look() belongs to one thread at a time.
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
    // Fills the figures of `usage` from its point; false: it cannot be asked (gone, denied). Another one is for tests.
    using Ask = std::function<bool(Usage&)>;
    explicit Probe(Ask ask = statvfs_of);
    ~Probe();
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

    std::vector<Usage> look(const std::vector<Mount>&, std::chrono::milliseconds patience);
    // The mount point it hangs in.
    [[nodiscard]] std::optional<std::string> stuck() const;

    static bool statvfs_of(Usage&);

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

} // namespace agenthost::telemetry
