#include "outbound.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "netclient/url.hpp"
#include "wire/codes.hpp"
#include "wire/json/outline.hpp"

#include <utility>

namespace agenthost::host {
namespace {

using namespace wire::session;

constexpr std::size_t max_quoted = MalformedFrames::max_quoted;

} // namespace

// ---- frames in ----

void OutboundSession::on_frame(std::string_view text)
{
    ++status_.frames_in;
    heartbeat_.sign_of_life();
    if (connected()) {
        received(sender_.codec().decode(text, false), text);
        follow_codec();
    } else if (machine_.state() == State::authenticating) {
        answer_to_hello(text);
    }
    // In other states the frame was sent before our close arrived.
    if (link_ && sender_.must_pause_reading()) link_->hold(true);
}

bool OutboundSession::on_binary(std::string_view bytes)
{
    if (!connected()) return machine_.state() != State::authenticating; // else sent before our close arrived
    const auto message = sender_.codec().decode_binary(bytes);
    if (!message) return false;
    ++status_.frames_in;
    heartbeat_.sign_of_life();
    received(*message, bytes);
    follow_codec();
    if (link_ && sender_.must_pause_reading()) link_->hold(true);
    return true;
}

void OutboundSession::received(const wire::FromServer& message, std::string_view text)
{
    if (const auto* command = std::get_if<wire::Command>(&message)) {
        context_.dispatcher.submit(*this, *command);
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        refuse_malformed(*bad, text);
    } else if (const auto* ping = std::get_if<wire::Ping>(&message)) {
        send_heartbeat(ping->id);
    } else if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
        if (!welcome->accepted) refused(*welcome);
    } else if (const auto* renewed = std::get_if<wire::NewCredential>(&message)) {
        credentials_.sent(renewed->credential);
    }
    // Nothing and Config: the codec has applied what concerns the session.
}

void OutboundSession::answer_to_hello(std::string_view text)
{
    const bool silence_accepts = traits_->acceptance == wire::Acceptance::silence;
    const wire::FromServer message = sender_.codec().decode(text, true);
    if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
        if (!welcome->accepted) return refused(*welcome);
        step(Answered{true});
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        if (silence_accepts) return refuse_malformed(*bad, text);
        reason_.blame(status_.url + " did not answer our hello but sent " + wire::outline(text) + ": " +
                      netclient::printable(bad->reason, max_quoted) +
                      ". Check url and protocol of this server");
        step(Protested{bad->reason});
    } else if (std::holds_alternative<wire::Nothing>(message)) {
        // An unknown type: the answer may follow. If it does not, this is the reason.
        if (!silence_accepts) refuse_malformed({"not an answer to the handshake", {}}, text);
    } else {
        // A server that sends a command has accepted us, even if it never answered the hello.
        if (silence_accepts) {
            step(Answered{true});
            return received(message, text);
        }
        reason_.blame(status_.url + " sent a request before completing the handshake (" +
                      wire::outline(text) + "). Check url and protocol of this server");
        step(Protested{"no answer to hello"});
    }
}

void OutboundSession::refused(const wire::Welcome& welcome)
{
    std::string problem = status_.url + " refused our credential";
    if (!welcome.message.empty()) problem += ": " + netclient::printable(welcome.message, max_quoted);
    reason_.blame(problem + ". Check credential and agent_id");
    step(Answered{.yes = false, .another = credentials_.refused()});
}

void OutboundSession::refuse_malformed(const wire::Malformed& bad, std::string_view text)
{
    const auto line = malformed_.add(status_.url, bad.reason, text);
    if (line && context_.warn) context_.warn(*line);
    // Without an id it cannot be answered.
    if (bad.id.empty()) return;
    wire::Result refusal;
    refusal.id = bad.id;
    refusal.outcome = wire::Outcome::error;
    refusal.error = {wire::code::invalid_request, bad.reason, {}, {}};
    on_result(refusal, 0);
}

// ---- frames out ----

bool OutboundSession::on_result(const wire::Result& result, std::uint64_t outbox)
{
    if (!connected() || !sender_.takes_results() || (outbox != 0 && proof_.full())) {
        if (connected() && outbox == 0) sender_.drop();
        // After writable() the outbox sends it again.
        sender_.writable_wanted(connected());
        return false;
    }
    auto added = sender_.add_result(result, outbox);
    if (added == Sender::Added::too_large)
        added = sender_.add_instead(result, outbox, [this, outbox](const wire::Result& instead) {
            context_.dispatcher.replace_result(outbox, instead);
        });
    // The peer does not expect it: it counts as delivered with the next pong.
    if (added == Sender::Added::not_expressible && outbox != 0) proof_.skipped(outbox);
    kick();
    // A task that changed the heartbeat has ended.
    follow_codec();
    return true;
}

void OutboundSession::on_progress(const wire::Progress& progress)
{
    if (!connected()) return;
    sender_.add_progress(progress);
    kick();
}

void OutboundSession::on_step(const wire::Progress& step)
{
    if (!connected()) return;
    sender_.add_step(step);
    kick();
}

bool OutboundSession::on_stream(const wire::Stream& stream)
{
    if (!connected()) return false;
    if (!sender_.takes_output()) {
        sender_.writable_wanted(true);
        return false;
    }
    sender_.add_stream(stream);
    kick();
    return true;
}

bool OutboundSession::on_event(const wire::Event& event)
{
    if (!connected()) return false;
    sender_.add_event(event);
    kick();
    return true;
}

void OutboundSession::kick()
{
    if (link_) link_->kick();
}

void OutboundSession::on_written()
{
    const auto [bytes, row] = sender_.written();
    proof_.written(bytes, row, machine_.state() == State::draining);
    if (sender_.reading_paused()) {
        // That the peer reads is a sign of life, and the only one while we do not read.
        heartbeat_.sign_of_life();
        if (sender_.may_resume_reading()) link_->hold(false);
    }
    if (sender_.writable_due()) context_.dispatcher.writable(*this);
    if (machine_.state() == State::draining) check_drained();
}

void OutboundSession::on_pong(std::string_view payload)
{
    heartbeat_.sign_of_life();
    proof_.pong(payload, [this](std::uint64_t row) { context_.dispatcher.delivered(*this, row); });
    if (machine_.state() == State::draining) check_drained();
}

void OutboundSession::check_drained()
{
    if (machine_.state() != State::draining) return;
    if (!sender_.empty()) return;
    if (!proof_.waiting()) return step(Flushed{});
    proof_.ask();
}

} // namespace agenthost::host
