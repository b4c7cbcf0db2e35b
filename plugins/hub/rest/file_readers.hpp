// Callers of a file's GET: each is sent what has arrived of the file while the agent still uploads it, so that a proxy between them sees
// bytes before its patience ends. The last byte is held back until the whole has arrived and its SHA-256 is right: a part, or another content,
// never looks like the file.
//
// A reader reads the spool at its own pace, on the hub's worker. Under the hub's lock, but for the reading itself.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/http/exchanges.hpp"
#include "plugins/hub/http/spool.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace agenthost::hub {

class FileReaders {
public:
    explicit FileReaders(Core& core) : core_{core} {}

    // An agent's upload, as far as it has come. `length` and `sha256` as the agent announced them; sha256 may be empty.
    struct Arriving {
        std::shared_ptr<const SpoolFile> file;
        std::uint64_t length = 0, landed = 0;
        std::string sha256;
    };
    void add(const Exchange&, Head) UNDER_LOCK;               // a caller that waits for its file
    [[nodiscard]] bool has(const Exchange&) const UNDER_LOCK; // it still waits, or is being sent
    // It has been sent something: what is not sent now cannot be said any more.
    [[nodiscard]] bool begun(const Exchange&) const UNDER_LOCK;
    void due(const Exchange&) UNDER_LOCK; // it has waited long enough: begin with what there is
    void arriving(const Exchange&, const Arriving&) UNDER_LOCK; // more has come, or another attempt begins
    // The whole file is here, and it is right.
    void complete(const Exchange&, std::shared_ptr<const SpoolFile>) UNDER_LOCK;
    void fail(const Exchange&) UNDER_LOCK;   // it will not come: a reader that has begun is cut off
    void remove(const Exchange&) UNDER_LOCK; // it is gone, or was answered otherwise
    void writable(const Exchange&) UNDER_LOCK;

private:
    struct Reader {
        Head head;
        Arriving from;
        std::uint64_t at = 0, end = 0; // of the file: the next byte to send, and where to stop
        bool due = false, begun = false, whole = false, reading = false;
        Timers::Id retry{};
    };
    // Half of what the daemon queues: fits whenever it says writable.
    static constexpr std::size_t piece = 128U << 10;
    // Others have their turn after this many bytes.
    static constexpr std::size_t turn = 1U << 20;
    void begin(const Exchange&, Reader&) UNDER_LOCK;
    void pump(const Exchange&, Reader&) UNDER_LOCK;
    void read(const Exchange&, const std::shared_ptr<const SpoolFile>&, std::uint64_t at,
              std::uint64_t limit);
    void stopped(const Exchange&, std::uint64_t at, agh_status) UNDER_LOCK;
    void cut(const Exchange&) UNDER_LOCK;

    Core& core_;
    std::map<Exchange, Reader> readers_ GUARDED;
};

} // namespace agenthost::hub
