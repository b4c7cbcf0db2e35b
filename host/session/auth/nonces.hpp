// Keeps the nonces of signed frames that could still be replayed, in state_dir/servers/NAME/nonces, across
// restarts.
//
// Main I/O thread. Owned by OutboundSession.
//
// Nonces are admitted in memory on the main I/O thread; a separate thread writes the file in synced batches
// (usually one batch after the command). A crash or a power cut can therefore lose the nonces admitted since
// the last batch began. This is safe: a command with effects is journalled under its requestId, else its
// nonce, before it runs, so a replayed frame is answered from the journal and does not run again; a command
// without effects may run twice. If the disk fails, the window continues in memory, the session reports it,
// and the next batch retries.
//
// Bound: 65,536 nonces (24 bytes each, in memory and in the file's snapshot; the file grows to twice that
// between snapshots). A full window refuses new frames; it never drops a nonce that is still valid.
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

    // Takes the file's bytes, before the first frame is decoded.
    void restore(std::string_view bytes);
    [[nodiscard]] bool restored() const { return restored_; }
    // Of the file.
    static constexpr std::size_t max_bytes = std::size_t{4} << 20;
    [[nodiscard]] const StateFile& file() const { return file_; }
    [[nodiscard]] wire::NonceBook& book() { return book_; }
    // Of the last batch; empty: it was written.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    // Calls `done` once everything is written or has failed.
    void flush(std::function<void()> done);

private:
    void write();
    void written(std::string problem);

    boost::asio::any_io_executor main_;
    StateFile file_;
    std::function<std::int64_t()> utc_ms_;
    wire::ReplayWindow window_;
    wire::ReplayBook book_;
    OffThread job_;
    // Records.
    std::string pending_, writing_;
    std::size_t in_file_ = 0;
    bool restored_ = false, busy_ = false;
    // The file may end in an incomplete record: do not append to it.
    bool torn_ = false;
    std::string problem_;
    std::function<void()> flushed_;
};

} // namespace agenthost::host
