#include "outbound.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "wire/codes.hpp"
#include "wire/fields.hpp"

#include <algorithm>

namespace agenthost::host {
namespace {

using namespace wire::session;
using boost::system::error_code;

constexpr std::chrono::milliseconds proof_delay{
    100};                                // results gathered before a ping asks for their delivery
constexpr std::size_t shown_words = 300; // of a peer, in a status

// A plugin's event "PLUGIN.log" with {"level","message","source"?} is a line of a log, for protocols that have words for those.
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
        received(codec_->decode(text, false));
        follow_codec();
    } else if (machine_.state() == State::authenticating) { // else under way when we closed
        answer_to_hello(text);
    }
    if (outgoing_.over() && !held_ && link_) link_->hold(held_ = true);
}

void OutboundSession::received(const wire::FromServer& message)
{
    if (const auto* command = std::get_if<wire::Command>(&message)) {
        context_.dispatcher.submit(*this, *command);
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        malformed(*bad);
    } else if (const auto* ping = std::get_if<wire::Ping>(&message)) {
        send_heartbeat(ping->id);
    } else if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
        if (!welcome->accepted) refused(*welcome);
    } // Nothing; Config: the codec has taken what concerns the session
}

void OutboundSession::answer_to_hello(std::string_view text)
{
    const bool silence_would_do = habits_->acceptance == wire::Acceptance::silence;
    const wire::FromServer message = codec_->decode(text, true);
    if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
        if (!welcome->accepted) return refused(*welcome);
        step(Answered{true});
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        if (silence_would_do) return malformed(*bad);
        status_.problem = shown_url_ + ": " + bad->reason;
        step(Protested{bad->reason});
    } else if (!std::holds_alternative<wire::Nothing>(message)) {
        // Who gives us work has accepted us, where nothing else would say so.
        if (silence_would_do) {
            step(Answered{true});
            return received(message);
        }
        status_.problem = shown_url_ + " asks for something before it has answered our hello";
        step(Protested{"no answer to hello"});
    }
}

void OutboundSession::refused(const wire::Welcome& welcome)
{
    status_.problem = shown_url_ + " refused our credential";
    if (!welcome.message.empty()) status_.problem += ": " + printable(welcome.message, shown_words);
    status_.problem += ". Check credential and agent_id";
    step(Answered{false});
}

void OutboundSession::malformed(const wire::Malformed& bad)
{
    ++status_.malformed;
    if (bad.id.empty()) return; // counted; nobody could be answered
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
        output_waits_ = connected(); // writable() brings what waits in the outbox
        return false;
    }
    if (!outgoing_.add([&](std::string& out) { return codec_->encode(result, out); }, outbox)) {
        ++status_.unspoken; // nobody waits to hear it: it counts as delivered with the next pong
        if (outbox != 0) delivery_.sent(outbox);
    }
    outgoing_.forget_progress(result.id);
    queued();
    follow_codec(); // a task that changed the heartbeat has ended
    return true;
}

void OutboundSession::on_progress(const wire::Progress& progress)
{
    std::string frame;
    if (!connected()) return;
    if (!codec_->encode(progress, frame)) {
        ++status_.unspoken;
        return;
    }
    outgoing_.add_progress(progress.id, std::move(frame));
    queued();
}

// In its turn; how many there are is bounded where they are said.
void OutboundSession::on_step(const wire::Progress& step)
{
    if (!connected()) return;
    if (!outgoing_.takes_results()) return on_progress(step);
    outgoing_.forget_progress(step.id);
    if (outgoing_.add([&](std::string& out) { return codec_->encode(step, out); }))
        queued();
    else
        ++status_.unspoken;
}

bool OutboundSession::on_stream(const wire::Stream& stream)
{
    if (!connected()) return false;
    if (!outgoing_.takes_output()) {
        output_waits_ = true;
        return false;
    }
    // What the protocol has no words for is taken and dropped: a command must not wait for ever to print.
    for (wire::Stream rest = stream; !rest.bytes.empty();) {
        wire::Stream piece = rest;
        const std::size_t fits = std::clamp<std::size_t>(codec_->fitting(rest), 1, rest.bytes.size());
        piece.bytes = rest.bytes.substr(0, fits);
        if (!outgoing_.add([&](std::string& out) { return codec_->encode(piece, out); })) ++status_.unspoken;
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
    if (!encode_log(*codec_, event, frame) && !codec_->encode(event, frame)) {
        ++status_.unspoken; // to keep it would be for nothing
        return true;
    }
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
    if (const std::uint64_t row = outgoing_.pop()) {
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
        ++signs_of_life_; // the peer takes what we send, and we read nothing else now
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
