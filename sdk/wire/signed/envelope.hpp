// The signed protocol's envelope: {type, agentId, ts, nonce, payload, signature}, and the bytes that are signed.
//
// Signed is the compact JSON of {type, agentId, ts, nonce, payload}, in this order whatever the frame's, as JSON.stringify prints it;
// the payload counts as it was received, byte for byte.
#pragma once

#include "wire/codec.hpp"
#include "wire/json/fields.hpp"

#include <string>
#include <string_view>

namespace agenthost::wire {

// A key in memory, wiped when it goes.
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

// What is wrong with a frame, in the order it is looked for. The server's end closes with the word.
enum class Fault : std::uint8_t {
    none,
    json,      // not JSON, or without type or payload
    agent,     // no agentId, or one nobody knows
    nonce,     // none, or seen before
    timestamp, // no number, or more than 5 minutes off
    signature,
    full, // the nonce book
};

// Views point into the frame and `scratch`. Anything but none: `why` says what, the envelope is what could be read.
Fault read_envelope(std::string_view frame, Scratch& scratch, Envelope&, std::string& why);

// Signature (constant time), then timestamp, then nonce. The nonce is remembered only when all else is good.
Fault verify(const Envelope&, std::string_view secret, const World&, NonceBook*, std::string& why);

// Appends the signed frame; false when there is no clock, uuid or HMAC to sign with. `payload` is canonical JSON.
bool append_signed(std::string& out, std::string_view type, std::string_view agent_id,
                   std::string_view payload, std::string_view secret, const World&);

} // namespace agenthost::wire
