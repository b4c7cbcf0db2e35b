// The nonces of signed frames that could still be played again, kept in state_dir/servers/NAME/nonces across restarts.
//
// Admitting is done in memory on the main I/O thread; the file is written behind, on a thread of its own, in batches that are synced
// (most of them one batch after the command). So a crash of the process or a power cut can lose the nonces of the last moments: those
// admitted since the last batch began. Why that is safe: a command with effects is journalled under its requestId, else its nonce,
// before it runs, so a frame of those moments that is played again is answered from the journal and does not run again; what has no
// effects may run twice. When the disk fails the window goes on in memory, the session says so, and the next batch tries again.
//
// Bound: the window's 65,536 nonces (24 bytes each, in memory and in the file's snapshot; the file grows to twice that between
// snapshots). A full window refuses, it never forgets one that counts.
#pragma once

#include "host/session/off_thread.hpp"
#include "host/session/state_file.hpp"
#include "wire/session/replay.hpp"

#include <functional>
#include <string>

namespace agenthost::host {

class Nonces {
public:
    Nonces(boost::asio::any_io_executor main, StateFile file, std::function<std::int64_t()> utc_ms);

    // What read() of the file gave, before the first frame is decoded.
    void restore(std::string_view bytes);
    static constexpr std::size_t most_bytes = std::size_t{4} << 20; // of the file
    [[nodiscard]] const StateFile& file() const { return file_; }
    [[nodiscard]] wire::NonceBook& book() { return book_; }
    [[nodiscard]] const std::string& problem() const { return problem_; } // of the last batch; empty: written
    void flush(std::function<void()> done); // `done` once all is written, or could not be

private:
    void write();
    void written(std::string problem);

    boost::asio::any_io_executor main_;
    StateFile file_;
    std::function<std::int64_t()> utc_ms_;
    wire::ReplayWindow window_;
    wire::ReplayBook book_;
    OffThread job_;
    std::string pending_, writing_; // records
    std::size_t in_file_ = 0;       // records
    bool busy_ = false;
    bool torn_ = false; // the file ends inside a record: nothing may be appended to it
    std::string problem_;
    std::function<void()> flushed_;
};

} // namespace agenthost::host
