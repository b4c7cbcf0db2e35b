#include "outbound.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "wire/codes.hpp"

#include <boost/asio/post.hpp>

#include <random>

namespace agenthost::host {
namespace {

using namespace wire::session;
using boost::system::error_code;
namespace asio = boost::asio;

constexpr std::chrono::milliseconds default_heartbeat{
    30'000}; // storage's document names none: WebSocket pings
constexpr std::chrono::milliseconds proof_delay{
    100};                                // results gathered before a ping asks for their delivery
constexpr std::size_t shown_words = 300; // of a peer, in a status

wire::SessionMachine::Options machine_options(const ReconnectConfig& config)
{
    wire::SessionMachine::Options options;
    wire::Backoff& backoff = options.backoff;
    backoff.initial = config.initial.value_or(backoff.initial);
    backoff.max = config.max.value_or(backoff.max);
    backoff.factor = config.factor.value_or(backoff.factor);
    backoff.jitter = config.jitter.value_or(backoff.jitter);
    backoff.random = [engine = std::mt19937{std::random_device{}()}]() mutable {
        return std::uniform_real_distribution<double>{0, 1}(engine);
    };
    return options;
}

Policy policy_of(const ServerConfig& config)
{
    Policy policy;
    policy.name = config.name;
    policy.protocol = config.protocol;
    policy.agent_id = config.agent_id;
    policy.allow = config.allow;
    policy.map = config.map;
    policy.messages_per_second = config.limits.messages_per_second;
    policy.in_flight = config.limits.in_flight;
    policy.memory = config.limits.memory;
    policy.cancel_grace = config.limits.cancel_grace;
    return policy;
}

std::int64_t utc_ms()
{
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

} // namespace

OutboundSession::OutboundSession(SessionContext context, ServerConfig config)
    : context_{std::move(context)}, config_{std::move(config)}, policy_{policy_of(config_)},
      shown_url_{shown_url(config_.url)}, machine_{machine_options(config_.reconnect)},
      outgoing_{config_.limits.send_queue}, timer_{context_.main}, tick_{context_.main},
      proof_{context_.main}, heartbeat_{config_.heartbeat.value_or(default_heartbeat)}
{
    url_ = parse_url(config_.url, bad_config_);
    if (const auto protocol = wire::protocol(config_.protocol)) codec_ = wire::agent_codec(*protocol);
    if (!codec_) bad_config_ = "protocol " + config_.protocol + " is not one this version speaks";
    status_.name = config_.name;
    status_.protocol = config_.protocol;
    status_.url = shown_url_;
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
    status.state = wire::name(machine_.state());
    status.failures = machine_.failures();
    status.send_queue_bytes = outgoing_.bytes();
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

void OutboundSession::step(Input input)
{
    const State before = machine_.state();
    for (const wire::session::Action& action : machine_.step(std::move(input))) {
        std::visit([this](const auto& what) { act(what); }, action);
    }
    if (machine_.state() != before && context_.on_change) context_.on_change();
}

void OutboundSession::act(const Open&)
{
    status_.next_attempt = 0;
    if (attempts_++ > 0) ++status_.reconnects;
    if (!codec_ || !url_) return failed_before_link(bad_config_);
    const bool started = preparing_.start<Prepared>(
        context_.main, [config = config_, url = *url_] { return prepare(config, url); },
        [this](Prepared made) { prepared(std::move(made)); });
    if (!started) failed_before_link("too many name look-ups hang; check /etc/resolv.conf");
}

void OutboundSession::prepared(Prepared made)
{
    if (!made.problem.empty()) return failed_before_link(std::move(made.problem));
    credential_ = std::move(made.credential);
    Link::Options options;
    options.url = *url_;
    options.headers = config_.headers;
    options.addresses = std::move(made.addresses);
    options.tls = std::move(made.tls);
    options.message_bytes = config_.limits.message_bytes;
    options.user_agent = "agenthost/" + context_.version;
    link_ = make_link(context_.main, std::move(options), *this);
    link_->open();
}

// Told from the loop, as a link would.
void OutboundSession::failed_before_link(std::string why)
{
    asio::post(context_.main, [weak = weak_from_this(), why = std::move(why)] {
        if (const auto self = weak.lock()) self->on_end({why});
    });
}

void OutboundSession::act(const SendHello&)
{
    const std::string& agent_id = config_.agent_id.empty() ? context_.agent_id : config_.agent_id;
    wire::Hello hello;
    hello.agent_id = agent_id;
    hello.credential = credential_;
    hello.version = context_.version;
    hello.platform = "linux";
    const std::string frame = codec_->hello(hello);
    credential_.clear();
    if (frame.empty()) return;
    outgoing_.append(frame);
    queued();
}

void OutboundSession::act(const Arm& arm)
{
    if (machine_.state() == State::waiting) status_.next_attempt = utc_ms() + arm.after.count();
    timer_.expires_after(arm.after);
    timer_.async_wait([weak = weak_from_this()](error_code ec) {
        const auto self = weak.lock();
        if (ec || !self) return;
        if (self->machine_.state() == State::connecting) {
            self->status_.problem = "no connection to " + self->shown_url_ +
                                    " in time. Check the server and the firewall between";
        } else if (self->machine_.state() == State::authenticating) {
            self->status_.problem = "no answer to the handshake from " + self->shown_url_;
        }
        self->step(Timer{});
    });
}

void OutboundSession::act(const Serve&)
{
    timer_.cancel();
    status_.problem.clear();
    status_.connected_since = utc_ms();
    delivery_.begin();
    liveness_.begin(signs_of_life_);
    link_->ping(delivery_.ping());
    arm_tick();
    if (context_.on_change) context_.on_change();
    context_.dispatcher.connected(*this);
}

void OutboundSession::act(const Drain&)
{
    ask_for_proof();
    asio::post(context_.main, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->look_if_drained();
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
    failed_before_link(status_.problem);
}

void OutboundSession::act(const Done&)
{
    timer_.cancel();
    context_.dispatcher.detach(*this);
    if (done_) asio::post(context_.main, std::exchange(done_, nullptr));
}

void OutboundSession::on_open() { step(Opened{}); }

void OutboundSession::on_frame(std::string_view text)
{
    ++status_.frames_in;
    ++signs_of_life_;
    if (!connected()) return answer_to_hello(text);
    const wire::FromServer message = codec_->decode(text, false);
    if (const auto* command = std::get_if<wire::Command>(&message)) {
        context_.dispatcher.submit(*this, *command);
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        malformed(*bad);
    }
    if (outgoing_.over() && !held_ && link_) link_->hold(held_ = true);
}

void OutboundSession::answer_to_hello(std::string_view text)
{
    if (machine_.state() != State::authenticating) return; // under way when we closed
    const wire::FromServer message = codec_->decode(text, true);
    if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
        if (!welcome->accepted) {
            status_.problem = shown_url_ + " refused our credential";
            if (!welcome->message.empty()) status_.problem += ": " + printable(welcome->message, shown_words);
            status_.problem += ". Check credential and agent_id";
        }
        step(Answered{welcome->accepted});
    } else if (const auto* bad = std::get_if<wire::Malformed>(&message)) {
        status_.problem = shown_url_ + ": " + bad->reason;
        step(Protested{bad->reason});
    }
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
    if (!room || !outgoing_.add([&](std::string& out) { return codec_->encode(result, out); }, outbox)) {
        if (connected() && outbox == 0) ++status_.dropped;
        output_waits_ = connected(); // writable() brings what waits in the outbox
        return false;
    }
    outgoing_.forget_progress(result.id);
    queued();
    return true;
}

void OutboundSession::on_progress(const wire::Progress& progress)
{
    std::string frame;
    if (!connected() || !codec_->encode(progress, frame)) return;
    outgoing_.add_progress(progress.id, std::move(frame));
    queued();
}

bool OutboundSession::on_stream(const wire::Stream& stream)
{
    if (!connected()) return false;
    if (!outgoing_.takes_output()) {
        output_waits_ = true;
        return false;
    }
    // What the protocol has no words for is taken and dropped: a command must not wait for ever to print.
    if (outgoing_.add([&](std::string& out) { return codec_->encode(stream, out); }))
        queued();
    else
        ++status_.dropped;
    return true;
}

bool OutboundSession::on_event(const wire::Event& event)
{
    std::string frame;
    if (!connected() || !codec_->encode(event, frame)) return false;
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

void OutboundSession::arm_tick()
{
    tick_.expires_after(heartbeat_);
    tick_.async_wait([weak = weak_from_this()](error_code ec) {
        const auto self = weak.lock();
        if (!ec && self) self->tick();
    });
}

void OutboundSession::tick()
{
    if (!connected()) return;
    if (liveness_.tick(signs_of_life_) == wire::Liveness::Verdict::dead) {
        status_.problem = shown_url_ + " is silent since two heartbeats";
        return step(Died{});
    }
    link_->ping(delivery_.ping());
    arm_tick();
}

void OutboundSession::on_end(const Link::End& end)
{
    if (!end.why.empty()) status_.problem = end.why;
    if (link_) {
        status_.bytes_in += link_->bytes_in();
        status_.bytes_out += link_->bytes_out();
        link_.reset();
    }
    status_.connected_since = 0;
    credential_.clear();
    outgoing_.clear();
    delivery_.begin();
    held_ = output_waits_ = false;
    tick_.cancel();
    proof_.cancel();
    step(Closed{end.refused});
}

std::shared_ptr<Session> make_session(SessionContext context, ServerConfig config)
{
    return std::make_shared<OutboundSession>(std::move(context), std::move(config));
}

} // namespace agenthost::host
