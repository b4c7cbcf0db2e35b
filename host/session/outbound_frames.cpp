#include "outbound.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "netclient/url.hpp"
#include "wire/codes.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/outline.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::host {
namespace {

using namespace wire::session;
using boost::system::error_code;

constexpr std::chrono::milliseconds proof_delay{
    100};                                     // results sent before a ping requests proof of their delivery
constexpr std::size_t shown_words = 300;      // bytes of a peer's text in a status
constexpr std::size_t stream_overhead = 1024; // bytes of the frame around a piece of output
constexpr std::size_t max_escape = 6;         // \u0000, for one byte

// A plugin's event "PLUGIN.log" with {"level","message","source"?} is a log line; encodes it for protocols
// that have log messages.
bool encode_log(wire::AgentCodec& codec, const wire::Event& event, std::string& out)
{
    if (!event.topic.ends_with(".log")) return false;
    std::string ignored;
    const auto members = wire::json::split(event.json, ignored);
    if (!members) return false;
    const auto text = [&](std::string_view key) {
        const wire::json::Member* member = wire::find(*members, key);
        return std::string{member ? member->text : std::string_view{}};
    };
    const std::string level = text("level"), message = text("message"), source = text("source");
    if (message.empty()) return false;
    return codec.encode(wire::Log{.level = level, .message = message, .source = source, .at = event.at}, out);
}

} // namespace

void OutboundSession::on_frame(std::string_view text)
{
    ++status_.frames_in;
    ++signs_of_life_;
    if (connected()) {
        received(codec_->decode(text, false), text);
        follow_codec();
    } else if (machine_.state() == State::authenticating) { // otherwise it was sent before we closed
        answer_to_hello(text);
    }
    if (outgoing_.over() && !held_ && link_) link_->hold(held_ = true);
}

void OutboundSession::received(const wire::FromServer& message, std::string_view text)
{
    if (const auto* command = std::get_if<wire::Command>(&message)) {
        context_.dispatcher.submit(*this, *command);
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        malformed(*bad, text);
    } else if (const auto* ping = std::get_if<wire::Ping>(&message)) {
        send_heartbeat(ping->id);
    } else if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
        if (!welcome->accepted) refused(*welcome);
    } else if (const auto* renewed = std::get_if<wire::NewCredential>(&message)) {
        sent_credential_.keep(renewed->credential, credential_print_);
    } // Nothing; Config: the codec has applied the session's settings
}

void OutboundSession::answer_to_hello(std::string_view text)
{
    const bool silence_would_do = traits_->acceptance == wire::Acceptance::silence;
    const wire::FromServer message = codec_->decode(text, true);
    if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
        if (!welcome->accepted) return refused(*welcome);
        step(Answered{true});
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        if (silence_would_do) return malformed(*bad, text);
        blame(shown_url_ + " did not answer our hello but sent " + wire::outline(text) + ": " +
              netclient::printable(bad->reason, shown_words) + ". Check url and protocol of this server");
        step(Protested{bad->reason});
    } else if (std::holds_alternative<wire::Nothing>(message)) {
        // Unknown message: the answer may follow. If it does not, this is the reason.
        if (!silence_would_do) malformed({"not an answer to the handshake", {}}, text);
    } else {
        // A server that sends a command has accepted us, even without an answer to hello.
        if (silence_would_do) {
            step(Answered{true});
            return received(message, text);
        }
        blame(shown_url_ + " sent a request before completing the handshake (" + wire::outline(text) +
              "). Check url and protocol of this server");
        step(Protested{"no answer to hello"});
    }
}

void OutboundSession::refused(const wire::Welcome& welcome)
{
    std::string problem = shown_url_ + " refused our credential";
    if (!welcome.message.empty()) problem += ": " + netclient::printable(welcome.message, shown_words);
    blame(problem + ". Check credential and agent_id");
    if (sent_credential_.refused()) return step(Protested{"credential refused"});
    step(Answered{false});
}

void OutboundSession::malformed(const wire::Malformed& bad, std::string_view text)
{
    ++status_.malformed;
    status_.malformed_last = netclient::printable(bad.reason, shown_words) + " (" + wire::outline(text) + ")";
    if (!std::exchange(unusable_said_, true) && context_.warn)
        context_.warn(shown_url_ + " sent a frame that cannot be used: " + status_.malformed_last +
                      ". Further ones of this connection are only counted");
    if (bad.id.empty()) return; // counted; without an id there is nothing to answer
    wire::Result refusal;
    refusal.id = bad.id;
    refusal.outcome = wire::Outcome::error;
    refusal.error = {wire::code::invalid_request, bad.reason, {}, {}};
    on_result(refusal, 0);
}

bool OutboundSession::on_result(const wire::Result& result, std::uint64_t outbox)
{
    const bool room = connected() && outgoing_.takes_results() && (outbox == 0 || !delivery_.full());
    if (!room) {
        if (connected() && outbox == 0) ++status_.dropped;
        output_waits_ = connected(); // writable() sends the waiting output
        return false;
    }
    const std::size_t bytes = result.data.size() + result.error.data.size();
    const bool hopeless = bytes > peer_max(); // even without the codec's framing
    if (hopeless) ++status_.too_large;
    const Queued done = hopeless ? Queued::too_large : queue(result, outbox);
    if (done == Queued::no_words) {
        ++status_.unspoken; // the server does not expect it: treated as delivered with the next pong
        if (outbox != 0) delivery_.sent(outbox);
    } else if (done == Queued::too_large) {
        queue_too_large(result, outbox, std::max(bytes, refused_bytes_));
    }
    outgoing_.forget_progress(result.id);
    queued();
    follow_codec(); // the task may have changed the heartbeat
    return true;
}

// Max bytes of one frame to this server.
std::size_t OutboundSession::peer_max() const
{
    const auto configured = static_cast<std::size_t>(config_.limits.peer_message_bytes);
    return learned_max_ == 0 ? configured : std::min(configured, learned_max_);
}

// Queues the frame of a message, unless the protocol cannot express it or it exceeds the server's size limit.
template <class Message>
OutboundSession::Queued OutboundSession::queue(const Message& message, std::uint64_t row)
{
    bool fits = true;
    const bool added = outgoing_.add(
        [&](std::string& out) {
            const std::size_t before = out.size();
            if (!codec_->encode(message, out)) return false;
            fits = out.size() - before <= peer_max();
            if (fits) return true;
            refused_bytes_ = out.size() - before;
            out.resize(before);
            return false;
        },
        row);
    if (added) return Queued::yes;
    if (fits) return Queued::no_words;
    ++status_.too_large;
    return Queued::too_large;
}
template OutboundSession::Queued OutboundSession::queue(const wire::Heartbeat&, std::uint64_t);
template OutboundSession::Queued OutboundSession::queue(const wire::Metrics&, std::uint64_t);

// Replaces a result that does not fit with a TOO_LARGE error, also in the journal if it is stored there.
void OutboundSession::queue_too_large(const wire::Result& result, std::uint64_t row, std::size_t bytes)
{
    const std::string message = "The result is too large to send: " + std::to_string(bytes) +
                                " bytes, the server accepts " + std::to_string(peer_max());
    wire::Result instead;
    instead.id = result.id;
    instead.action = result.action;
    instead.outcome = wire::Outcome::error;
    instead.error = {
        wire::code::too_large,
        message,
        "The command itself has ended. Ask for less at a time, or raise limits.peer_message_bytes of this "
        "server if it accepts more.",
        {}};
    if (result.outcome != wire::Outcome::success) { // keep its error; it says more than TOO_LARGE
        instead.outcome = result.outcome;
        instead.error = {result.error.code, result.error.message, message, {}};
    }
    if (row != 0) context_.dispatcher.replace_result(row, instead);
    if (queue(instead, row) == Queued::no_words && row != 0) delivery_.sent(row);
}

void OutboundSession::on_progress(const wire::Progress& progress)
{
    std::string frame;
    if (!connected() || !frame_of(progress, frame)) return;
    outgoing_.add_progress(progress.id, std::move(frame));
    queued();
}

// Encodes a message that may be dropped; false: it cannot be sent, and the reason was counted.
template <class Message> bool OutboundSession::frame_of(const Message& message, std::string& frame)
{
    if (!codec_->encode(message, frame)) {
        ++status_.unspoken;
        return false;
    }
    if (frame.size() <= peer_max()) return true;
    ++status_.too_large;
    return false;
}

// Queued in order; the dispatcher bounds the number of steps.
void OutboundSession::on_step(const wire::Progress& step)
{
    if (!connected()) return;
    if (!outgoing_.takes_results()) return on_progress(step);
    outgoing_.forget_progress(step.id);
    const Queued done = queue(step);
    if (done == Queued::yes) queued();
    if (done == Queued::no_words) ++status_.unspoken;
}

bool OutboundSession::on_stream(const wire::Stream& stream)
{
    if (!connected()) return false;
    if (!outgoing_.takes_output()) {
        output_waits_ = true;
        return false;
    }
    // In pieces that fit the server's limit even if every byte is escaped.
    const std::size_t most =
        peer_max() > 2 * stream_overhead ? (peer_max() - stream_overhead) / max_escape : 1;
    // Output that the protocol cannot express is accepted and dropped, so that a command does not block on it
    // forever.
    for (wire::Stream rest = stream; !rest.bytes.empty();) {
        wire::Stream piece = rest;
        const std::size_t fits =
            std::clamp<std::size_t>(std::min(most, codec_->fitting(rest)), 1, rest.bytes.size());
        piece.bytes = rest.bytes.substr(0, fits);
        if (queue(piece) == Queued::no_words) ++status_.unspoken;
        rest.offset += fits;
        rest.bytes.remove_prefix(fits);
    }
    queued();
    return true;
}

bool OutboundSession::on_event(const wire::Event& event)
{
    if (!connected()) return false;
    std::string frame;
    const bool logged = encode_log(*codec_, event, frame);
    if (logged && frame.size() > peer_max()) {
        ++status_.too_large;
        return true;
    }
    if (!logged && !frame_of(event, frame)) return true; // keeping it would not help
    status_.dropped += outgoing_.add_event(std::move(frame));
    queued();
    return true;
}

void OutboundSession::queued()
{
    if (link_) link_->kick();
}

void OutboundSession::on_written()
{
    ++status_.frames_out;
    const std::size_t bytes = outgoing_.front().size();
    const std::uint64_t row = outgoing_.pop();
    delivery_.sent_bytes(bytes, row);
    if (row != 0) {
        delivery_.sent(row);
        if (!proof_armed_) {
            proof_armed_ = true;
            proof_.expires_after(machine_.state() == State::draining ? std::chrono::milliseconds{0}
                                                                     : proof_delay);
            proof_.async_wait([weak = weak_from_this()](error_code ec) {
                const auto self = weak.lock();
                if (!self) return;
                self->proof_armed_ = false;
                if (!ec) self->ask_for_proof();
            });
        }
    }
    if (held_) {
        ++signs_of_life_; // the peer is reading what we send, and we are not reading
        if (outgoing_.half_empty()) link_->hold(held_ = false);
    }
    if (output_waits_ && outgoing_.half_empty()) {
        output_waits_ = false;
        context_.dispatcher.writable(*this);
    }
    if (machine_.state() == State::draining) look_if_drained();
}

void OutboundSession::ask_for_proof()
{
    if (connected() && link_ && delivery_.wants_ping()) link_->ping(delivery_.ping());
}

void OutboundSession::on_pong(std::string_view payload)
{
    ++signs_of_life_;
    delivery_.pong(payload, [this](std::uint64_t row) { context_.dispatcher.delivered(*this, row); });
    if (!proof_armed_) ask_for_proof();
    if (machine_.state() == State::draining) look_if_drained();
}

void OutboundSession::look_if_drained()
{
    if (machine_.state() != State::draining) return;
    if (outgoing_.empty() && !delivery_.waiting()) return step(Flushed{});
    if (outgoing_.empty()) ask_for_proof();
}

} // namespace agenthost::host
