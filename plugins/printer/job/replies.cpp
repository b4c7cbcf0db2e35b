#include "replies.hpp"

#include <algorithm>

namespace agenthost::printer::job {

namespace {

constexpr std::size_t proof_size = 7, automatic_size = 4;

// Fixed bits tell the kinds apart.
bool is_status(std::uint8_t byte) { return (byte & 0x93) == 0x12; }
bool begins_automatic(std::uint8_t byte) { return (byte & 0x93) == 0x10; }
bool continues_automatic(std::uint8_t byte) { return (byte & 0x90) == 0; }
bool begins_proof(std::uint8_t byte) { return byte == 0x37; }

std::uint8_t at(const std::string& text, std::size_t i) { return static_cast<std::uint8_t>(text[i]); }

enum class Match { none, more, complete };

Match match_proof(const std::string& text)
{
    if (!begins_proof(at(text, 0))) return Match::none;
    if (text.size() > 1 && at(text, 1) != 0x22) return Match::none;
    if (text.size() < proof_size) return Match::more;
    return at(text, proof_size - 1) == 0 ? Match::complete : Match::none;
}

Match match_automatic(const std::string& text)
{
    if (!begins_automatic(at(text, 0))) return Match::none;
    for (std::size_t i = 1; i < std::min(text.size(), automatic_size); ++i)
        if (!continues_automatic(at(text, i))) return Match::none;
    return text.size() < automatic_size ? Match::more : Match::complete;
}

Condition paper_out() { return {Trouble::paper_out, "The printer is out of paper. Insert a roll."}; }
Condition cover_open() { return {Trouble::cover_open, "The printer's cover is open. Close it."}; }
Condition fault()
{
    return {Trouble::fault, "The printer reports an error (cutter, temperature or power). Look at its lamps; "
                            "switching it off and on ends most errors."};
}
Condition offline()
{
    return {Trouble::offline,
            "The printer is offline. Press its feed or online button, or look at its lamps."};
}

} // namespace

ProofId proof_id(JobId id)
{
    constexpr std::uint64_t printable = 95;
    ProofId out{};
    for (auto& letter : out) {
        letter = static_cast<std::uint8_t>(0x20 + id % printable);
        id /= printable;
    }
    return out;
}

std::string proof_request(JobId id)
{
    std::string out{"\x1d(H\x06\x00\x30\x30", 7};
    for (const std::uint8_t letter : proof_id(id)) out += static_cast<char>(letter);
    return out;
}

std::string status_request() { return {"\x10\x04\x01\x10\x04\x02\x10\x04\x04", 9}; }

Replies::Found Replies::feed(Bytes bytes)
{
    Found out;
    for (std::size_t next = 0; next < bytes.size() || !pending_.empty();) {
        if (next < bytes.size()) pending_ += static_cast<char>(bytes[next++]);
        // What begins like a response and is none gives up its first byte only.
        for (bool again = true; again && !pending_.empty();) {
            again = false;
            const Match proof = match_proof(pending_), automatic = match_automatic(pending_);
            if (proof == Match::complete) {
                out.proofs.push_back({at(pending_, 2), at(pending_, 3), at(pending_, 4), at(pending_, 5)});
                pending_.erase(0, proof_size);
                again = true;
            } else if (automatic == Match::complete) {
                out.automatic.push_back({at(pending_, 0), at(pending_, 1), at(pending_, 2), at(pending_, 3)});
                pending_.erase(0, automatic_size);
                again = true;
            } else if (proof == Match::none && automatic == Match::none) {
                if (is_status(at(pending_, 0))) out.status.push_back(at(pending_, 0));
                pending_.erase(0, 1);
                again = true;
            }
        }
        if (next == bytes.size()) break;
    }
    return out;
}

Condition condition_of(const std::array<std::uint8_t, status_answers>& answers)
{
    const auto [printer, cause, paper] = answers;
    if ((paper & 0x60) != 0 || (cause & 0x20) != 0) return paper_out();
    if ((cause & 0x04) != 0) return cover_open();
    if ((cause & 0x40) != 0) return fault();
    if ((printer & 0x08) != 0) return offline();
    return {};
}

Condition condition_of_automatic(const std::array<std::uint8_t, 4>& status)
{
    if ((status[2] & 0x0c) != 0) return paper_out();
    if ((status[0] & 0x20) != 0) return cover_open();
    if ((status[1] & 0x2c) != 0) return fault();
    if ((status[0] & 0x08) != 0) return offline();
    return {};
}

Condition condition_of_port(std::uint8_t status)
{
    if ((status & 0x20) != 0) return paper_out();
    if ((status & 0x08) == 0) return fault();
    if ((status & 0x10) == 0) return offline();
    return {};
}

} // namespace agenthost::printer::job
