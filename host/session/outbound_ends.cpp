#include "outbound.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "host/session/world.hpp"
#include "wire/codes.hpp"

#include "base/http_date.hpp"

#include <algorithm>

namespace agenthost::host {
namespace {

using namespace wire::session;

constexpr int message_too_big = 1009;
constexpr std::int64_t date_pause =
    10 * 60'000; // ms between two questions for a Date: an origin may have none

// The server closed because of our timestamp and not because of our secret.
bool about_time(const Link::End& end) { return end.close_reason.find("timestamp") != std::string::npos; }

std::string ago(std::int64_t ms)
{
    const std::int64_t seconds = std::max<std::int64_t>(ms, 0) / 1000;
    if (seconds < 120) return std::to_string(seconds) + " s";
    if (seconds < 7200) return std::to_string(seconds / 60) + " min";
    return std::to_string(seconds / 3600) + " h";
}

} // namespace

std::string problem_text(const SessionStatus& status, std::int64_t now_ms)
{
    std::string text = status.problem;
    if (status.first_problem_at != 0 && !status.first_problem.empty() && status.first_problem != text)
        text += std::string{text.empty() ? "" : " "} + "(the outage began " +
                ago(now_ms - status.first_problem_at) + " ago with: " + status.first_problem + ")";
    return text;
}

// ---- the server's clock ----

// Signed frames carry the server's time as far as it is known; to other protocols ours is only informative.
std::int64_t OutboundSession::server_now() const { return clock_.now(utc_now_ms(), running_ms()); }

void OutboundSession::measure_clock(const std::string& text, std::int64_t utc_ms, std::int64_t running)
{
    if (!signs()) return;
    if (const auto date = base::parse_http_date(text)) clock_.measure(*date, utc_ms, running);
}

void OutboundSession::on_open()
{
    const std::string date = link_->take_date();
    measure_clock(date, utc_now_ms(), running_ms());
    const bool asked = asked_for_date_ && running_ms() - *asked_for_date_ < date_pause;
    if (signs() && date.empty() && !asked) return ask_for_date();
    step(Opened{});
}

// Servers on node's `ws` send no Date in the 101. The answer to a plain GET of the same origin has one; we sign nothing before it came.
void OutboundSession::ask_for_date()
{
    asked_for_date_ = running_ms();
    struct Told {
        std::string date;
        std::int64_t utc_ms = 0, running = 0;
    };
    link_->hold(true); // what the server says meanwhile waits in the socket
    const auto go_on = [this](const Told& told) {
        measure_clock(told.date, told.utc_ms, told.running);
        if (!link_) return;
        step(Opened{});
        if (link_) link_->hold(false);
    };
    const bool started = dating_.start<Told>(
        context_.main,
        [call = date_call_] {
            const HttpReply reply = http_call(call);
            return Told{reply.date, utc_now_ms(), running_ms()};
        },
        go_on);
    if (!started) go_on({});
}

// ---- how a connection ended ----

void OutboundSession::on_end(const Link::End& end)
{
    // Of an upgrade that was refused; an older one's was taken when it opened.
    if (link_) measure_clock(link_->take_date(), utc_now_ms(), running_ms());
    ended(end, true);
}

// Two machines with one identity.
std::string OutboundSession::contest() const
{
    const std::string remedy =
        "Give each machine its own agent_id and credential; a cloned machine has both of its original";
    if (takeovers_.proven(running_ms()))
        return "another agent uses this agent's identity (" + agent_id_ + ") at " + shown_url_ +
               ": each takes the session from the other. " + remedy;
    return shown_url_ +
           " has ended the last sessions within a minute of their start. If another machine runs with this "
           "agent's identity (" +
           agent_id_ + "), each takes the session from the other. " + remedy;
}

void OutboundSession::frame_was_too_large()
{
    const auto [bytes, row] = delivery_.largest();
    if (bytes == 0) return;
    const std::size_t most = peer_max();
    learned_max_ = std::min(most, bytes - 1);
    blame(shown_url_ + " closed with 1009: a message of " + std::to_string(bytes) +
          " bytes was larger than it accepts, although limits.peer_message_bytes is " + std::to_string(most) +
          ". Set limits.peer_message_bytes of this server to what it accepts");
    if (row == 0) return;
    ++status_.too_large;
    const std::string message =
        "The result of " + std::to_string(bytes) +
        " bytes is larger than the server accepts: it closed the session with 1009 (limits." +
        "peer_message_bytes is " + std::to_string(most) + ")";
    wire::Result instead;
    instead.outcome = wire::Outcome::error;
    instead.error = {
        wire::code::too_large, message, "The command itself has ended. Ask for less at a time.", {}};
    context_.dispatcher.replace_result(row, instead);
}

// What status_.problem says about this end.
void OutboundSession::explain(const Link::End& end)
{
    if (!blamed_ && !end.why.empty()) status_.problem = end.why;
    if (end.close_code == message_too_big) frame_was_too_large();
    if (about_time(end)) {
        clock_.refused();
        status_.problem =
            shown_url_ + " refused our timestamp (" + end.close_reason + "): " + clock_.refusal();
    }
    if (ready_at_ != 0 || wire::Takeovers::says_replaced(end.close_reason))
        takeovers_.ended(running_ms(), ready_at_ != 0 ? running_ms() - ready_at_ : 0, end.close_code,
                         end.close_reason);
    if (end.close_code != 0 && takeovers_.contested(running_ms()))
        status_.problem = contest() + " (" + status_.problem + ")";
    outage_.failed(status_.problem, utc_now_ms());
}

void OutboundSession::ended(const Link::End& end, bool renewable)
{
    explain(end);
    const bool replaced = wire::Takeovers::says_replaced(end.close_reason);
    const bool contested = end.close_code != 0 && takeovers_.contested(running_ms());
    if (link_) {
        status_.bytes_in += link_->bytes_in();
        status_.bytes_out += link_->bytes_out();
        link_.reset();
    }
    status_.connected_since = ready_at_ = 0;
    credential_.clear();
    outgoing_.clear();
    delivery_.begin();
    held_ = output_waits_ = false;
    dating_.forget();
    tick_.cancel();
    proof_.cancel();
    metrics_.cancel();
    const bool refused = end.refused && !about_time(end) && !replaced;
    // With another credential to try, the next attempt follows after an ordinary delay.
    const bool other = refused && sent_credential_.refused();
    step(Closed{.refused = refused && !other,
                .renewable = renewable,
                .pause = contested ? takeovers_.pause() : std::chrono::milliseconds{0}});
}

} // namespace agenthost::host
