#include "outbound.hpp"

#include "base/hash.hpp"
#include "base/uuid.hpp"
#include "host/config/protocol_settings.hpp"
#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/facts.hpp"
#include "host/session/session_options.hpp"
#include "host/session/utc.hpp"

#include <boost/asio/post.hpp>

namespace agenthost::host {
namespace {

using namespace wire::session;
using boost::system::error_code;
namespace asio = boost::asio;

constexpr int message_too_big = 1009;

// The server closed because of our timestamp and not because of our secret.
bool is_about_time(const Link::End& end) { return end.close_reason.find("timestamp") != std::string::npos; }

} // namespace

OutboundSession::OutboundSession(SessionContext context, ServerConfig config)
    : context_{std::move(context)}, config_{std::move(config)}, policy_{policy_of(config_)},
      traits_{traits_of(config_)}, machine_{machine_options(config_, traits_)},
      agent_{AgentDescription::of_this_machine()}, timer_{context_.main},
      sender_{config_.limits.send_queue, config_.limits.peer_message_bytes},
      proof_{context_.main,
             [this](std::string payload) {
                 if (link_ && connected()) link_->ping(std::move(payload));
             }},
      heartbeat_{context_.main, [this] { tick(); }}, metrics_{context_.main, [this] { send_metrics(); }},
      time_{context_.main, signs(traits_)}, credentials_{context_.main, config_.credential,
                                                         refresh_interval(config_), tls_in_use(config_)},
      report_{context_.facts, context_.started, context_.healthy}
{
    const ProtocolSettings settings{config_};
    agent_.id = config_.agent_id.empty() ? context_.agent_id : config_.agent_id;
    if (traits_ && settings.has(traits_->id_setting)) agent_.id = settings.text(traits_->id_setting);
    policy_.agent_id = agent_.id;
    if (signs(traits_))
        nonces_.emplace(context_.main, StateFile{context_.state_dir, config_.name, "nonces"},
                        [this] { return time_.now(); });
    status_.name = config_.name;
    status_.protocol = config_.protocol;
    status_.url = shown_url(config_);
}

OutboundSession::~OutboundSession()
{
    if (link_) link_->forget();
}

void OutboundSession::start()
{
    context_.dispatcher.attach(std::shared_ptr<Caller>{shared_from_this(), this});
    step(Start{});
}

void OutboundSession::stop(std::chrono::milliseconds grace, std::function<void()> done)
{
    if (machine_.state() == State::stopped) return asio::post(context_.main, std::move(done));
    done_ = std::move(done);
    step(Stop{grace});
}

void OutboundSession::reconnect() { step(Reconnect{}); }

SessionStatus OutboundSession::status() const
{
    SessionStatus status = status_;
    const auto now = running_ms();
    reason_.add_to(status);
    sender_.add_to(status);
    malformed_.add_to(status);
    status.state = wire::to_string(machine_.state());
    status.failures = machine_.failures();
    status.in_conflict = reason_.in_conflict(now);
    status.clock_offset_ms = time_.ahead();
    // dashboard's document: after five failures the user is told how to retry by hand.
    const bool hint = machine_.state() == State::waiting && status.failures >= 5;
    for (const std::string& text :
         {status.in_conflict && machine_.state() == State::ready
              ? reason_.conflict_text(now, agent_.id, status_.url)
              : std::string{},
          hint ? "to retry now: agenthost reconnect " + config_.name : std::string{}, time_.problem(),
          credentials_.notice(), nonces_ ? nonces_->problem() : std::string{}})
        if (!text.empty()) status.notice += (status.notice.empty() ? "" : "; ") + text;
    status.at_risk = !credentials_.notice().empty();
    if (link_) {
        status.bytes_in += link_->bytes_in();
        status.bytes_out += link_->bytes_out();
    }
    return status;
}

bool OutboundSession::connected() const
{
    return machine_.state() == State::ready || machine_.state() == State::draining;
}

void OutboundSession::notify_changed() const
{
    if (context_.on_change) context_.on_change();
}

void OutboundSession::step(Input input)
{
    const State before = machine_.state();
    for (const wire::session::Action& action : machine_.step(std::move(input)))
        std::visit([this](const auto& what) { act(what); }, action);
    if (machine_.state() != before) notify_changed();
}

// ---- connecting ----

PrepareRequest OutboundSession::prepare_request(int renewal) const
{
    PrepareRequest request;
    request.config = config_;
    if (request.config.agent_id.empty()) request.config.agent_id = context_.agent_id;
    request.state_dir = context_.state_dir;
    request.capabilities = report_.registration(agent_.capabilities);
    request.renewal = renewal;
    request.nonces = nonces_ && !nonces_->restored();
    return request;
}

void OutboundSession::act(const Open& open)
{
    status_.next_attempt = 0;
    reason_.begin();
    if (std::exchange(attempted_, true)) ++status_.reconnects;
    if (!traits_)
        return failed_before_link({"this version does not support the protocol " + config_.protocol});
    agent_.capabilities = report_.capabilities(context_.capabilities ? context_.capabilities() : "[]");
    const bool started = preparing_.start<Prepared>(
        context_.main, [request = prepare_request(open.renewal)] { return prepare(request); },
        [this](Prepared made) { prepared(std::move(made)); });
    if (!started) failed_before_link({"too many DNS lookups are stuck; check /etc/resolv.conf"});
}

std::unique_ptr<wire::AgentCodec> OutboundSession::make_codec()
{
    wire::AgentSetup setup;
    setup.environment.utc_ms = [this] { return time_.now(); };
    setup.environment.uuid = base::random_uuid;
    setup.environment.hmac = [](std::string_view key, std::string_view text) {
        return base::hex(base::hmac_sha256(key, text));
    };
    setup.nonces = nonces_ ? &nonces_->book() : nullptr;
    return wire::agent_codec(traits_->protocol, std::move(setup));
}

void OutboundSession::prepared(Prepared made)
{
    credentials_.prepared(std::move(made.notice));
    if (!made.shown_url.empty()) status_.url = made.shown_url;
    if (context_.on_origin && !made.url.host.empty()) context_.on_origin(made.url.origin());
    if (!made.problem.empty())
        return failed_before_link({std::move(made.problem), made.refused}, made.renewable);
    if (nonces_ && !nonces_->restored()) nonces_->restore(made.nonces);
    if (!made.agent_id.empty()) policy_.agent_id = agent_.id = made.agent_id;
    agent_.credential = credentials_.begin(std::move(made.credential), made.refreshed_at);
    sender_.use(make_codec());
    malformed_.begin();
    heartbeat_.prepare(config_.heartbeat.value_or(traits_->heartbeat));
    time_.begin(date_call(config_, made));
    wire::Opening opening = sender_.codec().opening(agent_.hello(context_.version));
    link_ = make_link(context_.main,
                      link_options(config_, std::move(made), std::move(opening), context_.version), *this);
    link_->open();
}

// Reported from the event loop, as a link would.
void OutboundSession::failed_before_link(Link::End end, bool renewable)
{
    asio::post(context_.main, [weak = weak_from_this(), end = std::move(end), renewable] {
        if (const auto self = weak.lock()) self->ended(end, renewable);
    });
}

void OutboundSession::on_open()
{
    const std::string date = link_->take_date();
    time_.measure(date);
    if (!time_.must_ask(date)) return step(Opened{});
    // Nothing is signed before the time is known. Meanwhile nothing is read, so no frame gets lost.
    link_->hold(true);
    time_.ask([this] {
        if (!link_) return;
        step(Opened{});
        if (link_) link_->hold(false);
    });
}

void OutboundSession::act(const SendHello&)
{
    const std::string frame = sender_.codec().hello(agent_.hello(context_.version));
    agent_.credential.clear();
    if (frame.empty()) return;
    sender_.add_frame(frame);
    kick();
}

void OutboundSession::act(const Arm& arm)
{
    if (machine_.state() == State::waiting) status_.next_attempt = utc_now_ms() + arm.after.count();
    timer_.expires_after(arm.after);
    timer_.async_wait([weak = weak_from_this()](error_code ec) {
        const auto self = weak.lock();
        if (!ec && self) self->timed_out();
    });
}

void OutboundSession::timed_out()
{
    const State state = machine_.state();
    const bool silence_accepts = traits_ && traits_->acceptance == wire::Acceptance::silence;
    if (state == State::connecting)
        reason_.blame("no connection to " + status_.url +
                      " in time. Check the server and the firewall between");
    else if (state == State::authenticating && !silence_accepts)
        reason_.blame("no answer to the handshake from " + status_.url +
                      (malformed_.any()
                           ? ", only frames that cannot be used (see malformed_last). Check url and "
                             "protocol of this server"
                           : ""));
    else if (state == State::ready)
        reason_.settled();
    step(Timer{});
}

// ---- ready ----

void OutboundSession::act(const Serve&)
{
    timer_.cancel();
    reason_.ready(running_ms());
    status_.connected_since = utc_now_ms();
    proof_.reset();
    proof_.ping();
    heartbeat_.start();
    metrics_.start(ProtocolSettings{config_}.duration("metrics_interval"));
    notify_changed();
    if (traits_->heartbeat_at_once || sender_.codec().heartbeat_due()) send_heartbeat({});
    context_.dispatcher.connected(*this);
}

// Pings beside the protocol's heartbeats: a missing acknowledgement never ends a session, but a missing pong
// shows that the peer is gone.
void OutboundSession::tick()
{
    const auto self = shared_from_this();
    if (!connected()) return;
    if (heartbeat_.peer_is_silent()) {
        reason_.blame(status_.url + " has been silent for two heartbeat intervals");
        return step(Died{});
    }
    proof_.ping();
    if (heartbeat_.spoken()) send_heartbeat({});
    credentials_.check_files(
        [this] {
            if (connected()) step(Reconnect{});
        },
        [this] { notify_changed(); });
    credentials_.refresh_if_due([this] { return prepare_request(0); }, [this] { notify_changed(); });
}

void OutboundSession::send_heartbeat(std::string_view ping_id)
{
    // While the peer is slow, one heartbeat in the queue is enough. Its own pings are always answered.
    if (!connected() || (ping_id.empty() && !sender_.takes_output())) return;
    const std::string facts = report_.heartbeat(std::chrono::steady_clock::now());
    const auto added = sender_.add(wire::Heartbeat{.facts = facts, .at = time_.now(), .id = ping_id});
    if (added == Sender::Added::yes)
        kick();
    else if (added == Sender::Added::not_expressible && ping_id.empty())
        heartbeat_.not_spoken();
}

// The server's settings may request another interval, or a heartbeat now.
void OutboundSession::follow_codec()
{
    if (!connected()) return;
    if (sender_.codec().heartbeat_due()) send_heartbeat({});
    if (const auto asked = sender_.codec().heartbeat_interval()) heartbeat_.follow(*asked);
}

void OutboundSession::send_metrics()
{
    // While the peer is slow, older metrics would only delay newer ones.
    if (!connected() || !sender_.takes_output()) return;
    const std::string json = report_.metrics();
    if (json.empty()) return;
    if (sender_.add(wire::Metrics{.json = json, .at = time_.now()}) == Sender::Added::yes) kick();
}

// ---- the end ----

void OutboundSession::act(const Drain&)
{
    proof_.ask();
    asio::post(context_.main, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->check_drained();
    });
}

void OutboundSession::act(const Close& close)
{
    if (link_) link_->close(close.code, close.reason);
}

void OutboundSession::act(const Abort&)
{
    if (link_) return link_->abort();
    preparing_.forget();
    failed_before_link({reason_.problem()});
}

void OutboundSession::act(const Done&)
{
    timer_.cancel();
    credentials_.forget();
    time_.forget();
    context_.dispatcher.detach(*this);
    if (!done_) return;
    auto finish = [main = context_.main, done = std::exchange(done_, nullptr)] { asio::post(main, done); };
    if (nonces_) return nonces_->flush(std::move(finish));
    finish();
}

void OutboundSession::on_end(const Link::End& end)
{
    // The Date of a refused upgrade; that of an accepted one was taken when it opened.
    if (link_) time_.measure(link_->take_date());
    ended(end, true);
}

// The server closed with 1009: the largest frame that may not have arrived was too large for it.
void OutboundSession::blame_size()
{
    const auto [bytes, row] = proof_.largest();
    if (bytes == 0) return;
    reason_.blame(status_.url + sender_.refused_by_peer(bytes, row, [this, row](const wire::Result& instead) {
        context_.dispatcher.replace_result(row, instead);
    }));
}

void OutboundSession::ended(const Link::End& end, bool renewable)
{
    const auto now = running_ms();
    reason_.socket_ended(end.why);
    if (end.close_code == message_too_big) blame_size();
    if (is_about_time(end))
        reason_.explain(status_.url + " refused our timestamp (" + end.close_reason +
                        "): " + time_.refused());
    reason_.ended({.close_code = end.close_code,
                   .close_reason = end.close_reason,
                   .utc_ms = utc_now_ms(),
                   .running_ms = now,
                   .agent_id = agent_.id,
                   .url = status_.url});
    if (link_) {
        status_.bytes_in += link_->bytes_in();
        status_.bytes_out += link_->bytes_out();
        link_.reset();
    }
    status_.connected_since = 0;
    agent_.credential.clear();
    sender_.clear();
    proof_.reset();
    time_.forget();
    heartbeat_.stop();
    metrics_.stop();
    const bool in_conflict = end.close_code != 0 && reason_.in_conflict(now);
    const bool refused =
        end.refused && !is_about_time(end) && !wire::Takeovers::says_replaced(end.close_reason);
    // With another credential to try, the next attempt follows after an ordinary delay.
    const bool other = refused && credentials_.refused();
    step(Closed{.refused = refused && !other,
                .renewable = renewable,
                .pause = in_conflict ? reason_.pause() : std::chrono::milliseconds{0}});
}

std::shared_ptr<Session> make_session(SessionContext context, ServerConfig config)
{
    return std::make_shared<OutboundSession>(std::move(context), std::move(config));
}

} // namespace agenthost::host
