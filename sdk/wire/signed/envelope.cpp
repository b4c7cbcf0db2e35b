#include "envelope.hpp"

#include "wire/json/canonical.hpp"
#include "wire/session/replay.hpp"

#include <algorithm>
#include <cmath>

namespace agenthost::wire {
namespace {

constexpr std::size_t signature_size = 64;                         // SHA-256 in hex
constexpr std::size_t signature_member_size = signature_size + 15; // with its key, comma and quotes

// Writes the members that the signature covers, as an object.
void write_signed_part(std::string& out, std::string_view type, std::string_view agent_id, double ts,
                       std::string_view nonce, std::string_view payload)
{
    base::JsonWriter json{out};
    json.object().member("type", type).member("agentId", agent_id).member("ts", ts).member("nonce", nonce);
    json.member("payload", base::RawJson{payload}).end();
}

// Compares hex digits in either case, in constant time.
bool same_signature(std::string_view given, std::string_view right)
{
    if (given.size() != signature_size || right.size() != signature_size) return false;
    unsigned different = 0;
    for (std::size_t i = 0; i < signature_size; ++i) {
        const auto letter = static_cast<unsigned char>(given[i]);
        const unsigned lower = letter >= 'A' && letter <= 'F' ? letter | 0x20u : letter;
        different |= lower ^ static_cast<unsigned char>(right[i]);
    }
    return different == 0;
}

std::string seconds(double milliseconds)
{
    std::string out;
    json::append_number(out, std::round(milliseconds / 1000));
    return out;
}

} // namespace

void Secret::set(std::string_view text)
{
    if (text == text_) return;
    wipe();
    text_ = text;
}

void Secret::wipe()
{
    volatile char* const bytes = text_.data(); // volatile: the compiler must not remove the writes
    for (std::size_t i = 0; i < text_.size(); ++i) bytes[i] = 0;
    text_.clear();
}

Fault read_envelope(std::string_view frame, Scratch& scratch, Envelope& envelope, std::string& why)
{
    const auto members = json::split(frame, why);
    if (!members) return Fault::json;
    scratch.begin(frame);
    FieldReader fields{*members, scratch};
    envelope.type = fields.needed("type", max_length::word);
    if (const json::Member* payload = find(*members, "payload"))
        envelope.payload = payload->raw;
    else if (fields.problem.empty())
        fields.problem = "payload is missing";
    if (!fields.problem.empty()) return why = std::move(fields.problem), Fault::json;
    envelope.agent_id = fields.needed("agentId", max_length::id);
    if (!fields.problem.empty()) return why = std::move(fields.problem), Fault::agent;
    const json::Member* ts = find(*members, "ts");
    if (!ts || ts->kind != json::Kind::number) return why = "ts is not a number", Fault::timestamp;
    envelope.ts = json::number(ts->raw);
    envelope.nonce = fields.needed("nonce", max_length::id);
    if (!fields.problem.empty()) return why = std::move(fields.problem), Fault::nonce;
    envelope.signature = fields.needed("signature", max_length::id);
    if (!fields.problem.empty()) return why = std::move(fields.problem), Fault::signature;
    return Fault::none;
}

Fault verify(const Envelope& envelope, std::string_view secret, const Environment& environment,
             NonceBook* nonces, std::string& why)
{
    if (!environment.hmac || !environment.utc_ms || !nonces || secret.empty())
        return why = "there is nothing to verify a signature with", Fault::signature;
    std::string text;
    text.reserve(envelope.payload.size() + 1024);
    write_signed_part(text, envelope.type, envelope.agent_id, envelope.ts, envelope.nonce, envelope.payload);
    if (!same_signature(envelope.signature, environment.hmac(secret, text)))
        return why = "the signature is wrong: another secret, or the frame was changed on its way",
               Fault::signature;

    const double ahead = envelope.ts - static_cast<double>(environment.utc_ms());
    if (!(std::fabs(ahead) <= static_cast<double>(ReplayWindow::reach.count()))) {
        why = "the timestamp is " + seconds(std::fabs(ahead)) + " s " + (ahead > 0 ? "ahead of" : "behind") +
              " our clock: a clock problem, or a frame that is played again";
        return Fault::timestamp;
    }
    switch (nonces->admit(envelope.agent_id, envelope.nonce, static_cast<std::int64_t>(envelope.ts))) {
    case NonceBook::Verdict::fresh: return Fault::none;
    case NonceBook::Verdict::seen:
        return why = "the nonce was seen before: a frame is played again", Fault::nonce;
    case NonceBook::Verdict::full: break;
    }
    why = "too many nonces to remember in 5 minutes; the frame is refused";
    return Fault::full;
}

bool append_signed(std::string& out, std::string_view type, std::string_view agent_id,
                   std::string_view payload, std::string_view secret, const Environment& environment)
{
    if (!environment.utc_ms || !environment.uuid || !environment.hmac || agent_id.empty() || secret.empty())
        return false;
    std::string frame;
    frame.reserve(payload.size() + 512);
    write_signed_part(frame, type, clip(agent_id, max_length::id), static_cast<double>(environment.utc_ms()),
                      environment.uuid(), payload);
    const std::string_view members = std::string_view{frame}.substr(1, frame.size() - 2);
    out.reserve(out.size() + frame.size() + signature_member_size);
    base::JsonWriter{out}
        .object()
        .raw_members(members)
        .member("signature", environment.hmac(secret, frame))
        .end();
    return true;
}

} // namespace agenthost::wire
