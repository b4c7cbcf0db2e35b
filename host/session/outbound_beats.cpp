#include "outbound.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/facts.hpp"
#include "host/session/world.hpp"
#include "wire/json/fields.hpp"

#include <algorithm>

namespace agenthost::host {
namespace {

using namespace wire::session;
using namespace std::chrono_literals;
using boost::system::error_code;

// Bounds of the interval a server may request.
constexpr std::chrono::milliseconds min_beat = 1s, max_beat = 1h;
constexpr auto refresh_pause = 5min; // after a refresh that failed

} // namespace

void OutboundSession::arm_tick()
{
    tick_.expires_after(heartbeat_);
    tick_.async_wait([weak = weak_from_this()](error_code ec) {
        const auto self = weak.lock();
        if (!ec && self) self->tick();
    });
}

// Sends pings in addition to the protocol's heartbeats: a missing ack never ends a session, a missing pong
// means the peer is gone.
void OutboundSession::tick()
{
    if (!connected()) return;
    if (liveness_.tick(signs_of_life_) == wire::Liveness::Verdict::dead) {
        blame(shown_url_ + " has been silent for two heartbeat intervals");
        return step(Died{});
    }
    link_->ping(delivery_.ping());
    if (beats_) send_heartbeat({});
    arm_tick();
    look_at_secret();
    look_at_token();
}

void OutboundSession::send_heartbeat(std::string_view ping_id)
{
    // If the peer is not reading, do not queue a second heartbeat; an answer to a ping is always sent.
    if (!connected() || (ping_id.empty() && !outgoing_.takes_output())) return;
    const auto up =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - context_.started);
    const bool healthy = !context_.healthy || context_.healthy();
    const std::string facts =
        context_.facts.flat({{"uptime", std::to_string(up.count())},
                             {"agent_status", healthy ? R"("healthy")" : R"("degraded")"}});
    const wire::Heartbeat beat{.facts = facts, .at = server_now(), .id = ping_id};
    const Queued done = queue(beat);
    if (done == Queued::yes)
        queued();
    else if (done == Queued::no_words && ping_id.empty())
        beats_ = false; // WebSocket pings serve as heartbeats: do not collect the facts
}

void OutboundSession::follow_codec()
{
    if (!connected()) return;
    if (codec_->heartbeat_due()) send_heartbeat({});
    const auto wanted = codec_->heartbeat_interval();
    if (!wanted) return;
    const auto interval = std::clamp(*wanted, min_beat, max_beat);
    asked_beat_ = interval;
    if (interval == heartbeat_) return;
    heartbeat_ = interval;
    arm_tick();
}

void OutboundSession::arm_metrics()
{
    if (metrics_interval_ == 0ms) return;
    metrics_.expires_after(metrics_interval_);
    metrics_.async_wait([weak = weak_from_this()](error_code ec) {
        const auto self = weak.lock();
        if (ec || !self || !self->connected()) return;
        self->send_metrics();
        self->arm_metrics();
    });
}

void OutboundSession::send_metrics()
{
    if (!outgoing_.takes_output()) return; // skip; newer metrics follow
    const std::string facts = context_.facts.flat();
    std::string ignored;
    const auto members = wire::json::split(facts, ignored);
    const wire::json::Member* metrics = members ? wire::find(*members, "metrics") : nullptr;
    if (!metrics) return; // no plugin provides metrics
    const std::string json{metrics->raw};
    const wire::Metrics message{.json = json, .at = server_now()};
    if (queue(message) == Queued::yes) queued();
}

// Runs at each heartbeat: if the file contains a different secret, starts a new session with it immediately.
void OutboundSession::look_at_secret()
{
    if (config_.credential.kind != SecretSource::Kind::file || refresh_ != 0ms) return;
    looking_.start<std::string>(
        context_.main, [source = config_.credential] { return secret_print(source); },
        [this](const std::string& print) {
            if (!print.empty() && print != credential_print_ && connected()) step(Reconnect{});
        });
}

void OutboundSession::look_at_token()
{
    const auto now = std::chrono::steady_clock::now();
    if (refresh_ == 0ms || utc_now_ms() - refreshed_at_ < refresh_.count() || now < no_refresh_before_)
        return;
    no_refresh_before_ = now + refresh_pause;
    struct Refreshed {
        std::string problem;
        std::int64_t at = 0;
    };
    refreshing_.start<Refreshed>(
        context_.main,
        [request = prepare_request(0)] {
            Refreshed done;
            done.problem = refresh_if_due(request, done.at);
            return done;
        },
        [this](const Refreshed& done) {
            refresh_notice_ =
                done.problem.empty() ? "" : "the daily refresh of its token failed: " + done.problem;
            if (done.problem.empty()) no_refresh_before_ = {};
            if (done.at != 0) refreshed_at_ = done.at;
            say_changed();
        });
}

} // namespace agenthost::host
