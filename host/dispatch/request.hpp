// Describes one command while it is carried out: what the main thread knows about it, and what it streamed.
//
// Main thread, except where a member says otherwise. Owned by the Slot.
#pragma once

#include "host/dispatch/journal/journal.hpp"

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

// A result that owns its text.
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
        // The journal is writing its row.
        beginning,
        // The plugin has it.
        running,
        // The journal is writing its result.
        finishing,
        // Its result waits for its streams to be sent.
        parked,
    };

    // 0: the slot is free.
    agh_req id = 0;
    std::uint32_t index = 0;
    Phase phase = Phase::running;
    bool effects = false, audited = false, idempotent = false, journalled = false;
    // The peer's answer was TIMEOUT or CANCELLED.
    bool answered = false;
    // The session accepted that answer.
    bool answer_taken = false;
    // It is in its caller's list.
    bool linked = false;
    bool cancel_wanted = false;
    // The plugin refused it from inside invoke() and did nothing.
    bool refused = false;
    // An earlier run of it was interrupted (AGH_REQUEST_REPEAT).
    bool repeat = false;
    // Of nested calls; 0: a caller's own command.
    std::uint8_t depth = 0;
    CallerRecord* caller = nullptr;
    // Null: gone.
    Plugin* plugin = nullptr;
    const std::string* action = nullptr;
    const std::string* owner = nullptr;
    // Views of the caller's memory while invoke() runs, then of `own_*`.
    std::string_view wire_id, word;
    std::string own_id, own_word, params, target;
    Clock::time_point started, deadline = Clock::time_point::max();
    // Bytes that count towards the caller's memory limit.
    std::uint64_t charged = 0;
    std::uint32_t next = none, previous = none;

    // In the journal.
    std::uint64_t row = 0, sequence = 0;
    Digest digest{};
    // While finishing or parked.
    std::unique_ptr<Answer> answer;

    // Of a nested call.
    agh_req parent = 0;
    CallDone done;

    // When the last pause of progress began, and how many steps were sent since.
    Clock::time_point progress_at = Clock::time_point::min();
    std::uint8_t steps_sent = 0;

    void keep(std::string_view id_, std::string_view word_)
    {
        own_id.assign(id_);
        own_word.assign(word_);
        wire_id = own_id;
        word = own_word;
    }
};

// What a request has streamed and the peer has not taken. Two buffers are reused: a gigabyte of output is a
// hundred thousand chunks.
struct Flow {
    struct Chunk {
        std::uint32_t channel;
        std::uint64_t offset;
        std::size_t size;
    };
    struct Batch {
        std::string bytes;
        std::vector<Chunk> chunks;
        // The first chunk that is not taken, and the offset of its bytes.
        std::size_t next = 0, at = 0;
        [[nodiscard]] bool empty() const { return next == chunks.size(); }
        void clear()
        {
            bytes.clear();
            chunks.clear();
            next = at = 0;
        }
    };
    // Filled by the plugin, under the lock.
    Batch filling;
    // Used by the main thread alone.
    Batch sending;
    // Of both, not taken.
    std::size_t bytes = 0;
    // stream() returned BUSY: the plugin waits for writable().
    bool refused = false;
    // The main thread will look at them without another notice.
    bool stream_queued = false, progress_queued = false;

    // Progress that changes the `status` is a step, and each step is sent. Of progress with the same status,
    // or none, the latest waits in `progress`, behind the steps. At most this many steps wait, and are sent
    // without a pause.
    static constexpr std::size_t max_steps = 4;
    std::vector<std::string> steps;
    // Of the last step.
    std::string status;
    std::optional<std::string> progress;
    [[nodiscard]] bool has_progress() const { return progress || !steps.empty(); }
    // Output came after the progress that waits: the progress is sent before it, even in a pause.
    bool progress_first = false;
};

} // namespace agenthost::host
