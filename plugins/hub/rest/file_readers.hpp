// Callers of a file's GET: each is sent what has arrived of the file while the agent still uploads it, so that a proxy between them sees
// bytes before its patience ends. The last byte is held back until the whole has arrived and its SHA-256 is right: a part, or another content,
// never looks like the file.
//
// A reader reads the spool at its own pace, on the hub's worker. Under the hub's lock, but for the reading itself.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/http/spool.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

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
    void add(Conn, Head);               // a caller that waits for its file
    [[nodiscard]] bool has(Conn) const; // it still waits, or is being sent
    [[nodiscard]] bool
        begun(Conn) const; // it has been sent something: what is not sent now cannot be said any more
    void due(Conn);        // it has waited long enough: begin with what there is
    void arriving(Conn, const Arriving&);                  // more has come, or another attempt begins
    void complete(Conn, std::shared_ptr<const SpoolFile>); // the whole file, and it is right
    void fail(Conn);   // it will not come: a reader that has begun is cut off
    void remove(Conn); // it is gone, or was answered otherwise
    void writable(Conn);

private:
    struct Reader {
        Head head;
        Arriving from;
        std::uint64_t at = 0, end = 0; // of the file: the next byte to send, and where to stop
        bool due = false, begun = false, whole = false, reading = false;
        Timers::Id retry{};
    };
    static constexpr std::size_t piece =
                                     128U
                                     << 10, // half of what the daemon queues: fits whenever it says writable
        turn = 1U << 20;                    // others have their turn after this many bytes
    void begin(Conn, Reader&);
    void pump(Conn, Reader&);
    void read(Conn, const std::shared_ptr<const SpoolFile>&, std::uint64_t at, std::uint64_t limit);
    void stopped(Conn, std::uint64_t at, agh_status);
    void cut(Conn);

    Core& core_;
    std::unordered_map<Conn, Reader> readers_;
};

} // namespace agenthost::hub
