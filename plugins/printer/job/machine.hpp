// Prints the jobs of one printer, one after the other, so that each comes out once or its outcome is told
// honestly. Sans-io: inputs are what happened, outputs are actions (actions.hpp) that the shell carries out
// in order.
//
//   queued -> armed (on the disk before the first byte) [-> committing] -> sent
//     -> ended: printed, sent, not_started, unknown
//
// Rules
//   - A time-out is no progress, never an end: the rest is written again from the byte that the printer took
//     last.
//   - A byte that the printer took is never sent again, unless a commit job is known not to have printed.
//   - With commit printing the bytes that print are sent only when the printer says that it has processed all
//     others and has no fault (if it answers GS r): a break is in doubt for a few milliseconds then.
//   - A halted endpoint is recovered a bounded number of times; then the printer is held and opened again.
//   - Paper out, cover open, offline hold the job, and it goes on at the same byte. The USB port of a printer
//     that does not answer is asked for paper before the first byte.
//   - A printer that was unplugged or switched off in mid job may have lost what it had, and so may one whose
//     connection broke (network): the job ends as unknown, or runs again where commit printing says that
//     nothing was printed.
//   - After a break the printer gets what completes the open command (guard.hpp) before the next job's first
//     byte.
//   - Before a job of another server the printer is reset (ESC @), so that one server's receipt leaves nothing in
//     another's. The jobs of one server follow each other as they are.
//   - A job that the printer confirms has ended; the next one begins when its link is finished.
//   - `unknown` is final.
//
// One thread. More than 25 members: each input is a function, and they share one phase.
#pragma once

#include "actions.hpp"
#include "guard.hpp"
#include "queue.hpp"

#include "plugins/printer/device/model.hpp"
#include "plugins/printer/device/status_parser.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer::job {

struct Options {
    Model model;
    // Whether a link that is opened again leads to the device that took the bytes (USB, if it was not away).
    bool continues = false;
    bool keep_open = false; // between jobs
    QueueLimits queue;
    // Where the ids of this node's confirmations begin. A secret: the data of one job must not ask with the id
    // that another job's own request will have.
    std::uint64_t first_confirmation = 0;
};

// Times and bounds.
struct Limits {
    std::chrono::milliseconds answer{1'000};   // a printer answers DLE EOT within
    std::chrono::milliseconds stored{500};     // for responses that the printer has stored
    std::chrono::milliseconds restart{30'000}; // for the printer to be there, to read them
    std::chrono::milliseconds look{1'000};     // between looks at a printer that has a fault; doubles
    std::chrono::milliseconds max_look{5'000};
    std::chrono::milliseconds backoff{1'000}; // between attempts to open; doubles
    std::chrono::milliseconds max_backoff{30'000};
    std::chrono::milliseconds farewell{100}; // for a network printer to close, after a confirmed job
    std::chrono::milliseconds proof{10'000}; // for the proof of an empty job, and
    std::uint64_t slowest = 1'024;           // bytes per second more
    std::chrono::milliseconds mark{100};     // between marks, or
    std::uint64_t mark_bytes = 64 * 1024;
    std::size_t write_bytes = 64 * 1024; // of one write
    unsigned stalls = 3;                 // in a row without a byte taken
    std::uint32_t attempts = 8;          // of a job that never printed anything
    std::uint64_t drain = 32 * 1024;     // bytes per second that a printer processes at least
    unsigned patience =
        2; // queries in a row without an answer, until a printer counts as one that gives none
};

class Machine {
public:
    enum class Phase : std::uint8_t {
        idle,
        opening,
        waiting,   // for the time to open again, or for the device
        listening, // for responses that the printer has stored
        querying,  // before the first byte
        held,      // it has a fault; a look follows
        loading,
        arming,
        writing,
        draining, // with commit printing: for the printer to process all but what prints
        pausing,  // a printer without flow control gets its time
        recovering,
        committing,
        proving,
        finishing,
    };

    Machine(Options, std::unique_ptr<CommandTracker>, Limits = {});

    // Before start(): the jobs on the disk that have not ended, ascending; what the last one left open.
    void restore(std::vector<Ticket>, std::optional<std::uint64_t> dirty);
    void start(Time, Actions&);

    [[nodiscard]] std::optional<Problem> refuse(const std::string& server, std::uint64_t bytes) const
    {
        return queue_.refuse(server, bytes);
    }
    // As in Queue: a job between refuse() and add().
    void expect(const std::string& server, std::uint64_t bytes) { queue_.expect(server, bytes); }
    void arrived(const std::string& server, std::uint64_t bytes) { queue_.arrived(server, bytes); }
    // Adds a job that is on the disk. Keeps `content` only if the job is next; otherwise, or if it is null,
    // the content is loaded when the job's turn comes.
    void add(Ticket, Content content, Time, Actions&);
    // Cancels a job. Returns false if this printer does not have it or has already taken its last byte.
    bool cancel(JobId, Time, Actions&);
    // The device may be present again: ends a wait for it. Otherwise has no effect.
    void wake(Time, Actions&);

    // `device`: as in Opened.
    void opened(bool can_read, std::uint64_t device, Time, Actions&);
    void open_failed(const OpenError&, Time, Actions&);
    void loaded(JobId, Content, Time, Actions&);
    void load_failed(JobId, Problem, Time, Actions&);
    void committed(JobId, const std::optional<Problem>&, Time, Actions&);
    void written(const Written&, Time, Actions&);
    void recovered(bool ok, Time, Actions&);
    void finished(bool clean, Time, Actions&);
    void gone(const std::string& detail, Time, Actions&);
    void received(Bytes, Time, Actions&);
    void port_status(std::optional<std::uint8_t>, Time, Actions&);
    void timer(Time, Actions&);

    [[nodiscard]] Phase phase() const { return phase_; }
    [[nodiscard]] const Condition& condition() const { return condition_; }
    // Nothing is under way or kept for later: it may be destroyed, and another one made for this printer.
    [[nodiscard]] bool at_rest() const;
    // Nothing more of it is sent; its end is being found or stored.
    [[nodiscard]] bool ending(JobId) const;
    // Returns the job that is being printed, or nullptr.
    [[nodiscard]] const Ticket* current() const { return current_ ? &current_->ticket : nullptr; }
    [[nodiscard]] const Queue& queue() const { return queue_; }

private:
    // What is being written: the completion of an earlier job, the job, its end with the request for proof,
    // a look.
    enum class Part : std::uint8_t { cleanup, body, proof, query };
    struct Verdict {
        Outcome outcome = Outcome::none;
        Problem problem;
    };
    struct Current {
        Ticket ticket;
        Content content;
        bool earlier = false;  // begun by a process that is gone, which sent an unknown number of bytes
        bool restored = false; // nothing more is written: only its outcome is to be found
        bool proved = false, answered = false; // by GS ( H; by DLE EOT after the last byte
        bool cancelled = false;
        bool proof_begun = false, proof_sent = false; // the request for it
        std::optional<Verdict> verdict;               // while the link is finished
        State stored = State::queued;                 // what the disk has
        unsigned commits = 0;                         // under way
        std::uint64_t marked = 0;
        Time marked_at{}, deadline{};
    };
    struct Finished {
        JobId id;
        Progress progress;
        unsigned commits; // under way
    };

    // What comes next
    void go(Phase, Actions&, std::optional<std::chrono::milliseconds> timer = std::nullopt);
    void next(Time, Actions&);
    void begin(Time, Actions&);
    void wait_to_open(Actions&, bool timed = true);
    void query(Actions&);
    void ask_port(Actions&);
    void waited(Time, Actions&);
    void unanswered(std::optional<std::uint8_t> port, Time, Actions&);
    void arm(Time, Actions&);
    void commit(State, Actions&);
    void commit_done(bool good, Time, Actions&);
    void resume(Time, Actions&);
    void write(Part, Actions&);
    void after_part(Time, Actions&);
    void drain(Actions&);
    void drain_unanswered(Actions&);
    void commit_now(Actions&);
    void begin_proof(Time, Actions&);
    void proof_requested(Time, Actions&);
    void await_proof(Time, Actions&);
    void judge(Time, Actions&);
    void proof_overdue(Time, Actions&);
    void finish(std::optional<Verdict>, Actions&);
    [[nodiscard]] Verdict verdict() const;

    // Ends and breaks
    void end(Verdict, Time, Actions&);
    void leave(Verdict, Actions&); // the link may still be finished
    void file(Ticket&, unsigned commits, Verdict, Actions&);
    void broken(const std::string& why, Time, Actions&);
    void lost(Time, Actions&);
    void settle(Time, Actions&);
    void run_again(Time, Actions&);
    void abandon(Time, Actions&);
    void close(Actions&);
    void leave_open(Actions&);
    void lost_tail(Actions&);
    void arrived(Actions&);
    void stalled(const std::string& detail, Time, Actions&);
    void take(std::size_t bytes, Time, Actions&);
    void set_condition(Condition, Actions&);

    [[nodiscard]] Progress& progress() { return current_->ticket.progress; }
    [[nodiscard]] Bytes rest() const;
    [[nodiscard]] std::uint64_t write_limit() const;
    [[nodiscard]] bool may_have_printed() const;
    [[nodiscard]] bool device_has_bytes() const;
    [[nodiscard]] bool whole() const; // every byte was taken
    [[nodiscard]] bool can_prove() const { return options_.model.confirmation == Confirmation::process_id; }
    [[nodiscard]] ProcessId confirmation() const; // of the current job
    [[nodiscard]] bool can_look() const;
    [[nodiscard]] std::chrono::milliseconds proof_time() const;
    [[nodiscard]] std::chrono::milliseconds answer_time() const;

    const Options options_;
    const Limits limits_;
    std::unique_ptr<CommandTracker> tracker_;
    Queue queue_;
    std::vector<Ticket> restored_; // ascending; those that had begun
    std::optional<Current> current_;
    std::vector<Finished> ending_; // their last commit is under way
    Condition condition_;
    std::optional<std::uint64_t> dirty_;
    Phase phase_ = Phase::idle;
    bool started_ = false, timed_ = false;
    bool link_ = false, can_read_ = false, writing_ = false;
    bool cleaned_ = false; // what completes an earlier job was sent on this link
    std::optional<std::string>
        last_server_;          // whose bytes the printer took last, as far as this process knows
    std::uint64_t device_ = 0; // of the last link
    Part part_ = Part::body;
    std::string buffer_;   // of cleanup, proof, query
    std::size_t sent_ = 0; // of buffer_
    Content next_content_; // of the job that waits first
    JobId next_content_id_ = 0;
    StatusParser answers_;
    bool asking_ = false;          // a query is out
    bool asking_port_ = false;     // the port is asked, because nothing else answers
    unsigned silent_ = 0;          // queries in a row without an answer
    bool answers_in_order_ = true; // knows GS r, whose answer comes after what was sent before is processed
    unsigned stalls_ = 0;
    std::chrono::milliseconds backoff_, look_;
};

} // namespace agenthost::printer::job
