// One command on its way: what the main thread knows of it, and what it has streamed so far.
#pragma once

#include "journal.hpp"

#include <agenthost/abi.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

class Plugin;
struct CallerRecord;

using Clock = std::chrono::steady_clock;

// A result with memory of its own.
struct Answer {
    wire::Outcome outcome = wire::Outcome::success;
    std::string data, code, message, detail, error_data;

    [[nodiscard]] wire::Result as(std::string_view id, std::string_view word) const
    {
        return {.id = id,
                .outcome = outcome,
                .data = data,
                .error = {.code = code, .message = message, .detail = detail, .data = error_data},
                .action = word};
    }
};

using CallDone = std::function<void(const agh_reply&)>;

struct Request {
    static constexpr std::uint32_t none = 0xffffffff;
    enum class Phase : std::uint8_t {
        beginning, // the journal is writing its row
        running,   // the plugin has it
        finishing, // the journal is writing its result
        parked,    // its result waits behind its streams
    };

    agh_req id = 0; // 0: the slot is free
    std::uint32_t index = 0;
    Phase phase = Phase::running;
    bool effects = false, idempotent = false, journalled = false;
    bool answered = false;     // TIMEOUT or CANCELLED was the peer's answer
    bool answer_taken = false; // and the session took it
    bool linked = false;       // in its caller's list
    bool cancel_wanted = false;
    bool refused = false; // by the plugin, from inside invoke(): it did nothing
    std::uint8_t depth = 0;
    CallerRecord* caller = nullptr;
    Plugin* plugin = nullptr; // null: gone
    const std::string* action = nullptr;
    const std::string* owner = nullptr;
    std::string_view wire_id, word; // the caller's memory while invoke() runs, then `own_*`
    std::string own_id, own_word, params, target;
    Clock::time_point started, deadline = Clock::time_point::max();
    std::uint64_t charged = 0; // bytes of the caller's memory limit
    std::uint32_t next = none, previous = none;

    std::uint64_t row = 0, sequence = 0; // journal
    Digest digest{};
    std::unique_ptr<Answer> answer; // finishing, parked

    agh_req parent = 0;
    CallDone done; // a nested call

    Clock::time_point progress_at = Clock::time_point::min(); // the last pause began
    std::uint8_t steps_said = 0;                              // since then

    void keep(std::string_view id_, std::string_view word_)
    {
        own_id.assign(id_);
        own_word.assign(word_);
        wire_id = own_id;
        word = own_word;
    }
};

// What a request has streamed and the peer has not taken: two pieces of memory that are used again and again, as a gigabyte of output
// is a hundred thousand chunks.
struct Flow {
    struct Chunk {
        std::uint32_t channel;
        std::uint64_t offset;
        std::size_t size;
    };
    struct Batch {
        std::string bytes;
        std::vector<Chunk> chunks;
        std::size_t next = 0, at = 0; // the first chunk not taken, and where its bytes begin
        [[nodiscard]] bool empty() const { return next == chunks.size(); }
        void clear()
        {
            bytes.clear();
            chunks.clear();
            next = at = 0;
        }
    };
    Batch filling;         // by the plugin, under the lock
    Batch sending;         // by the main thread alone
    std::size_t bytes = 0; // of both, not taken
    bool refused = false;  // stream() said BUSY: writable() is due
    bool stream_queued = false,
         progress_queued = false; // the main thread will look at it without being told again
    // What changes the `status` is a step on the way and is said, each in its turn; of what comes with the same status, or none, the
    // latest waits in `progress`, behind the steps.
    static constexpr std::size_t most_steps = 4; // that wait, and that are said without a pause
    std::vector<std::string> steps;
    std::string status; // the last step's
    std::optional<std::string> progress;
    [[nodiscard]] bool has_progress() const { return progress || !steps.empty(); }
    bool progress_first =
        false; // output follows what waits in `progress`: it goes out before that, pause or not
};

} // namespace agenthost::host
