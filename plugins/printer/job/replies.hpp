// Reads what a printer sends: answers to DLE EOT, automatic status, and the responses that prove printing.
// Sans-io:
// accepts bytes split anywhere; noise is skipped.
#pragma once

#include "values.hpp"

#include "plugins/printer/device/link.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace agenthost::printer::job {

using ProofId = std::array<std::uint8_t, 4>;

// The id of a job's response: four printable characters. It repeats after 81 million jobs.
ProofId proof_id(JobId);
// GS ( H, function 48: the printer answers 37 22 id 00 when what precedes it is on paper.
std::string proof_request(JobId);
// DLE EOT 1, 2 and 4: a printer answers each with one byte, even when it is offline.
std::string status_request();
constexpr std::size_t status_answers = 3;

class Replies {
public:
    struct Found {
        std::vector<std::uint8_t> status;                   // bytes that answer DLE EOT, in order
        std::vector<ProofId> proofs;                        // responses to GS ( H
        std::vector<std::array<std::uint8_t, 4>> automatic; // GS a
    };
    Found feed(Bytes);
    void reset() { pending_.clear(); }

private:
    std::string pending_; // the start of a response, at most 6 bytes
};

// The three answers to status_request().
Condition condition_of(const std::array<std::uint8_t, status_answers>&);
Condition condition_of_automatic(const std::array<std::uint8_t, 4>&);
// The port status byte of a USB printer.
Condition condition_of_port(std::uint8_t);

} // namespace agenthost::printer::job
