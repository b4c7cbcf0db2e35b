// Serves the GETs of files. Each caller receives the file while the agent still uploads it, so that a proxy
// in between sees bytes before its timeout. The last byte is held back until the file is complete and its
// SHA-256 is correct, so that a truncated or wrong file never looks complete. An answer has bytes of one
// content only: a reader goes on with another attempt of the agent if that announces the same SHA-256, else it
// is cut. An attempt may lie, so what was sent from others is compared with the complete file before the last
// byte is sent.
//
// Each reader reads the spool at its own pace, on the hub's worker. Under the hub's lock, except for the
// reading itself.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/http/exchanges.hpp"
#include "plugins/hub/http/spool.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace agenthost::hub {

class FileReaders {
public:
    explicit FileReaders(Core& core) : core_{core} {}

    // The state of an agent's upload. `length` and `sha256` as announced by the agent; sha256 may be empty.
    struct Arriving {
        std::shared_ptr<const SpoolFile> file;
        std::uint64_t length = 0, landed = 0;
        std::string sha256;
    };
    void add(const Exchange&, Head) UNDER_LOCK;               // a caller that waits for its file
    [[nodiscard]] bool has(const Exchange&) const UNDER_LOCK; // it is waiting or being served
    // Whether its answer has begun, so that the status can no longer change.
    [[nodiscard]] bool begun(const Exchange&) const UNDER_LOCK;
    void due(const Exchange&) UNDER_LOCK; // it has waited long enough: start with the bytes so far
    void arriving(const Exchange&, const Arriving&)
        UNDER_LOCK; // more bytes have arrived, or another attempt begins
    // The file is complete and correct.
    void complete(const Exchange&, std::shared_ptr<const SpoolFile>) UNDER_LOCK;
    // An attempt's bytes are not those that it announced: an answer that has begun is cut off.
    void refused(const Exchange&) UNDER_LOCK;
    void fail(const Exchange&) UNDER_LOCK;   // the file will not arrive: an answer that has begun is cut off
    void remove(const Exchange&) UNDER_LOCK; // the caller is gone, or was answered otherwise
    void writable(const Exchange&) UNDER_LOCK;

private:
    // Bytes of the answer that were read from this file: from `begin` to the next source's, or to the reader's
    // position.
    struct Source {
        std::shared_ptr<const SpoolFile> file;
        std::uint64_t begin = 0;
    };
    struct Reader {
        Head head;
        Arriving from;
        std::vector<Source> sources;
        std::shared_ptr<const SpoolFile> complete; // to be compared with the sources
        std::uint64_t at = 0, end = 0;             // of the file: the next byte to send, and where to stop
        bool due = false, begun = false, whole = false, reading = false;
        Timers::Id retry{};
    };
    // Half of the daemon's queue, so that it fits whenever the connection becomes writable.
    static constexpr std::size_t piece = 128U << 10;
    // An agent whose attempts keep failing after other attempts began.
    static constexpr std::size_t max_sources = 8;
    // Others get their turn after this many bytes.
    static constexpr std::size_t turn = 1U << 20;
    void begin(const Exchange&, Reader&) UNDER_LOCK;
    void pump(const Exchange&, Reader&) UNDER_LOCK;
    void read(const Exchange&, const std::shared_ptr<const SpoolFile>&, std::uint64_t at,
              std::uint64_t limit);
    void stopped(const Exchange&, std::uint64_t at, agh_status) UNDER_LOCK;
    // Compares what was sent from other attempts with the complete file, on the worker.
    void compare(const Exchange&, Reader&) UNDER_LOCK;
    void compared(const Exchange&, bool same) UNDER_LOCK;
    void cut(const Exchange&) UNDER_LOCK;

    Core& core_;
    std::map<Exchange, Reader> readers_ GUARDED;
};

} // namespace agenthost::hub
