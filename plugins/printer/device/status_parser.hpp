// Reads what a printer sends: answers to status questions, automatic status, confirmations, identity texts,
// flow control. Pure.
//
// Their fixed bits tell the kinds apart (Epson's ESC/POS reference, "Transmission status identification"):
//   XON, XOFF   00010001, 00010011       may stand anywhere
//   DLE EOT n   0..1..10                 one byte; which n, only the question tells
//   GS a        0..1..00 then 3 x 0..0.... four bytes
//   GS r, GS I  0..0....                 one byte; which, only the question tells
//   blocks      0x37, 0x3B, 0x5F ... 00  header, identifier or text, NUL
// Other bytes are counted and skipped. The result does not depend on how the bytes are cut into pieces.
#pragma once

#include "confirmation.hpp"
#include "status.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

namespace agenthost::printer {

class StatusParser {
public:
    // Longest text of a block; a longer one is garbage.
    static constexpr std::size_t max_block = 128;
    // Each list below keeps this many entries; the oldest go first.
    static constexpr std::size_t max_kept = 32;

    // Call it when the question is sent. At most max_kept are outstanding.
    void asked(Question question);
    // Call it when answers are overdue, or the link is new: what comes later is not taken for an answer to an
    // old question.
    void forget_questions();
    [[nodiscard]] std::size_t outstanding() const { return realtime_.size() + queued_.size(); }
    // Of DLE EOT only: a printer answers it at once, also while it is busy.
    [[nodiscard]] std::size_t realtime_outstanding() const { return realtime_.size(); }

    void feed(std::span<const std::uint8_t> bytes);

    [[nodiscard]] const Status& status() const { return status_; }
    // Ids that the printer has confirmed since the last call, in order.
    std::vector<ProcessId> take_confirmed();
    // Texts of GS I since the last call, in order.
    std::vector<std::string> take_texts();
    // Bytes that belonged to nothing.
    [[nodiscard]] std::size_t garbage() const { return garbage_; }

private:
    void byte(std::uint8_t c);
    void begin(std::uint8_t c);
    void in_block(std::uint8_t c);
    void end_block();
    void in_automatic(std::uint8_t c);
    void drop_held();
    void realtime_answer(std::uint8_t c);
    void queued_answer(std::uint8_t c);
    void apply(Question question, std::uint8_t c);
    void summarize();

    std::deque<Question> realtime_, queued_;
    // What of a block or an automatic status has come so far.
    std::vector<std::uint8_t> held_;
    std::deque<ProcessId> confirmed_;
    std::deque<std::string> texts_;
    Status status_;
    // Two questions speak of paper and three of errors; each keeps its own bits.
    bool paper_end_ = false, paper_stop_ = false, cause_error_ = false, mechanical_ = false,
         recoverable_ = false;
    std::size_t garbage_ = 0;
};

} // namespace agenthost::printer
