// The signed protocol's envelope: {type, agentId, ts, nonce, payload, signature}, and the bytes that are
// signed.
//
// The signature covers the compact JSON of {type, agentId, ts, nonce, payload}, always in this order, as
// JSON.stringify prints it; the payload is signed as received, byte for byte.
#pragma once

#include "wire/codec.hpp"
#include "wire/json/fields.hpp"

#include <string>
#include <string_view>

namespace agenthost::wire {

// A key in memory, wiped on destruction.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string_view text) : text_{text} {}
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(); }
    void set(std::string_view text);
    [[nodiscard]] std::string_view view() const { return text_; }

private:
    void wipe();
    std::string text_;
};

struct Envelope {
    std::string_view type, agent_id, nonce, signature, payload;
    double ts = 0;
};

// Faults of a frame, in the order of the checks. The server's end closes with the fault's name.
enum class Fault : std::uint8_t {
    none,
    json,      // not JSON, or without type or payload
    agent,     // missing or unknown agentId
    nonce,     // missing, or seen before
    timestamp, // not a number, or more than 5 minutes off
    signature,
    full, // the nonce book is full
};

// Views point into the frame and `scratch`. On a fault `why` has the reason and the envelope what could be
// read.
Fault read_envelope(std::string_view frame, Scratch& scratch, Envelope&, std::string& why);

// Checks signature (constant time), timestamp, nonce. The nonce is stored only if all other checks pass.
Fault verify(const Envelope&, std::string_view secret, const Environment&, NonceBook*, std::string& why);

// Appends the signed frame; false if Environment lacks clock, uuid or HMAC. `payload` is canonical JSON.
bool append_signed(std::string& out, std::string_view type, std::string_view agent_id,
                   std::string_view payload, std::string_view secret, const Environment&);

} // namespace agenthost::wire
