// What the emulated printer does with the bytes that it has taken: it answers DLE EOT n, GS ( H (process
// id) and GS r 1, and it can be out of paper, open or offline. Pure; bytes are only looked at, never drawn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace agenthost::usbsim {

class ReceiptPrinter {
public:
    bool paper_out = false, cover_open = false, offline = false;
    bool answers_status = true;     // DLE EOT n, GS r
    bool answers_process_id = true; // GS ( H
    int forced_port_status = -1;    // GET_PORT_STATUS answers so; -1: by the states above

    // Looks at all bytes that were taken so far; those before the last look are not read again.
    void look(std::span<const std::uint8_t> taken);
    void forget_stream();
    // A printer that cannot print takes no bytes once its buffer of `buffer` bytes is full.
    [[nodiscard]] bool ready() const { return !paper_out && !cover_open && !offline; }
    // Whether process ids that were seen while it could not print are answered now.
    void settle();
    [[nodiscard]] std::uint8_t port_status() const;

    // What it sends, a packet each. Kept until somebody reads them: also across hosts.
    std::deque<std::vector<std::uint8_t>> replies;
    int statuses = 0, process_ids = 0;

private:
    [[nodiscard]] std::uint8_t status(int n) const;
    std::size_t looked_ = 0;
    std::vector<std::vector<std::uint8_t>> unprinted_; // answers that wait for paper
};

} // namespace agenthost::usbsim
