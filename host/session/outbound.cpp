#include "outbound.hpp"

#include "base/hash.hpp"
#include "base/uuid.hpp"
#include "host/config/protocol_settings.hpp"
#include "host/dispatch/dispatcher.hpp"
#include "host/session/world.hpp"
#include "netclient/url.hpp"

#include <boost/asio/post.hpp>

#include <sys/utsname.h>

#include <random>

namespace agenthost::host {
namespace {

using namespace wire::session;
using boost::system::error_code;
namespace asio = boost::asio;

wire::SessionMachine::Options machine_options(const ServerConfig& config, const wire::ProtocolTraits* traits)
{
    wire::SessionMachine::Options options;
    wire::Backoff& backoff = options.backoff;
    if (traits) {
        options.acceptance = traits->acceptance;
        backoff.initial = traits->backoff;
        backoff.max = traits->backoff_max;
        backoff.jitter = traits->jitter;
        backoff.first_at_once = traits->first_retry_at_once && !config.reconnect.initial;
    }
    if (registration_setup(config)) options.renewals = 2;
    const ReconnectConfig& says = config.reconnect;
    backoff.initial = says.initial.value_or(backoff.initial);
    backoff.max = says.max.value_or(backoff.max);
    backoff.factor = says.factor.value_or(backoff.factor);
    backoff.jitter = says.jitter.value_or(backoff.jitter);
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

} // namespace

OutboundSession::OutboundSession(SessionContext context, ServerConfig config)
    : context_{std::move(context)}, config_{std::move(config)}, policy_{policy_of(config_)},
      shown_url_{netclient::shown_url(config_.url)}, traits_{traits_of(config_)},
      machine_{machine_options(config_, traits_)}, outgoing_{config_.limits.send_queue},
      timer_{context_.main}, tick_{context_.main}, proof_{context_.main}, metrics_{context_.main}
{
    const ProtocolSettings settings{config_};
    agent_id_ = config_.agent_id.empty() ? context_.agent_id : config_.agent_id;
    if (traits_ && settings.has(traits_->id_setting)) agent_id_ = settings.text(traits_->id_setting);
    policy_.agent_id = agent_id_;
    metrics_interval_ = settings.duration("metrics_interval");
    if (signs()) {
        nonces_.emplace(context_.main, StateFile{context_.state_dir, config_.name, "nonces"},
                        [this] { return server_now(); });
    }
    if (const auto setup = registration_setup(config_)) {
        refresh_ = setup->refresh;
        if (shown_url_.empty()) shown_url_ = netclient::shown_url(setup->register_url);
    }
    utsname system{};
    if (::uname(&system) == 0) {
        host_name_ = system.nodename;
        arch_ = system.machine;
    }
    if (!make_codec()) bad_config_ = "protocol " + config_.protocol + " is not one this version speaks";
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
    status.first_problem = outage_.first().why;
    status.first_problem_at = outage_.first().at;
    status.problem_at = outage_.latest().at;
    status.contested = takeovers_.contested(running_ms());
    status.send_queue_bytes = outgoing_.bytes();
    status.clock_offset_ms = clock_.ahead();
    // dashboard's document: after five failures a person is shown how to try by hand.
    const bool hint = machine_.state() == State::waiting && status.failures >= 5;
    for (const std::string& text :
         {status.contested && machine_.state() == State::ready ? contest() : std::string{},
          hint ? "to try again at once: agenthost reconnect " + config_.name : std::string{},
          clock_.problem(), prepare_notice_, refresh_notice_, nonces_ ? nonces_->problem() : std::string{}})
        if (!text.empty()) status.notice += (status.notice.empty() ? "" : "; ") + text;
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
    if (machine_.state() != before) say_changed();
}

PrepareRequest OutboundSession::prepare_request(int renewal) const
{
    PrepareRequest request;
    request.config = config_;
    if (request.config.agent_id.empty()) request.config.agent_id = context_.agent_id;
    request.state_dir = context_.state_dir;
    request.capabilities = capabilities_;
    request.renewal = renewal;
    request.nonces = nonces_ && !nonces_read_;
    return request;
}

void OutboundSession::act(const Open& open)
{
    status_.next_attempt = 0;
    blamed_ = false;
    if (attempts_++ > 0) ++status_.reconnects;
    if (!bad_config_.empty()) return failed_before_link({bad_config_});
    capabilities_ = context_.capabilities ? context_.capabilities() : "[]";
    const bool started = preparing_.start<Prepared>(
        context_.main, [request = prepare_request(open.renewal)] { return prepare(request); },
        [this](Prepared made) { prepared(std::move(made)); });
    if (!started) failed_before_link({"too many DNS lookups are stuck; check /etc/resolv.conf"});
}

std::unique_ptr<wire::AgentCodec> OutboundSession::make_codec()
{
    if (!traits_) return nullptr;
    wire::AgentSetup setup;
    setup.world.utc_ms = [this] { return server_now(); };
    setup.world.uuid = base::random_uuid;
    setup.world.hmac = [](std::string_view key, std::string_view text) {
        return base::hex(base::hmac_sha256(key, text));
    };
    setup.nonces = nonces_ ? &nonces_->book() : nullptr;
    return wire::agent_codec(traits_->protocol, std::move(setup));
}

// The reason for the end of this attempt.
void OutboundSession::blame(std::string problem)
{
    status_.problem = std::move(problem);
    blamed_ = true;
}

void OutboundSession::say_changed() const
{
    if (context_.on_change) context_.on_change();
}

wire::Hello OutboundSession::hello() const
{
    wire::Hello hello;
    hello.agent_id = agent_id_;
    hello.credential = credential_;
    hello.name = host_name_;
    hello.version = context_.version;
    hello.platform = "linux";
    hello.capabilities = capabilities_;
    hello.arch = arch_;
    return hello;
}

void OutboundSession::prepared(Prepared made)
{
    prepare_notice_ = std::move(made.notice);
    if (!made.shown_url.empty()) status_.url = shown_url_ = made.shown_url;
    if (context_.on_origin && !made.url.host.empty()) context_.on_origin(made.url.origin());
    if (!made.problem.empty())
        return failed_before_link({std::move(made.problem), made.refused}, made.renewable);
    if (nonces_ && !nonces_read_) {
        nonces_->restore(made.nonces);
        nonces_read_ = true;
    }
    if (!made.agent_id.empty()) policy_.agent_id = agent_id_ = made.agent_id;
    refreshed_at_ = made.refreshed_at;
    credential_print_ = base::hex(base::sha256(made.credential));
    const std::string& sent = sent_credential_.in_place_of(credential_print_);
    credential_ = sent.empty() ? std::move(made.credential) : sent;
    codec_ = make_codec();
    beats_ = true;
    unusable_said_ = false;
    heartbeat_ = asked_beat_.value_or(config_.heartbeat.value_or(traits_->heartbeat));

    wire::Opening opening = codec_->opening(hello());
    date_call_ = {.url = (made.url.tls ? "https://" : "http://") + made.url.authority() + "/",
                  .tls = made.tls,
                  .proxy = made.proxy,
                  .insecure = config_.insecure,
                  .head_only = true,
                  .connect_patience = std::chrono::seconds{1}, // it has just accepted a connection
                  .answer_patience = std::chrono::seconds{2}};
    Link::Options options;
    options.url = std::move(made.url);
    if (!opening.query.empty())
        options.url.target += (options.url.target.find('?') == std::string::npos ? "?" : "&") + opening.query;
    options.headers = std::move(opening.headers);
    options.headers.insert(options.headers.end(), config_.headers.begin(), config_.headers.end());
    options.addresses = std::move(made.addresses);
    options.proxy = std::move(made.proxy);
    options.tls = std::move(made.tls);
    options.message_bytes = config_.limits.message_bytes;
    options.user_agent = "agenthost/" + context_.version;
    options.compress = config_.compress;
    link_ = make_link(context_.main, std::move(options), *this);
    link_->open();
}

// Told from the loop, as a link would.
void OutboundSession::failed_before_link(Link::End end, bool renewable)
{
    asio::post(context_.main, [weak = weak_from_this(), end = std::move(end), renewable] {
        if (const auto self = weak.lock()) self->ended(end, renewable);
    });
}

void OutboundSession::act(const SendHello&)
{
    const std::string frame = codec_->hello(hello());
    credential_.clear();
    if (frame.empty()) return;
    outgoing_.append(frame);
    queued();
}

void OutboundSession::act(const Arm& arm)
{
    if (machine_.state() == State::waiting) status_.next_attempt = utc_now_ms() + arm.after.count();
    timer_.expires_after(arm.after);
    timer_.async_wait([weak = weak_from_this()](error_code ec) {
        const auto self = weak.lock();
        if (ec || !self) return;
        const State state = self->machine_.state();
        const bool silence_is_yes = self->traits_ && self->traits_->acceptance == wire::Acceptance::silence;
        if (state == State::connecting)
            self->blame("no connection to " + self->shown_url_ +
                        " in time. Check the server and the firewall between");
        else if (state == State::authenticating && !silence_is_yes)
            self->blame("no answer to the handshake from " + self->shown_url_ +
                        (self->unusable_said_
                             ? ", only what cannot be used (see malformed_last). Check url and "
                               "protocol of this server"
                             : ""));
        else if (state == State::ready)
            self->outage_.over(); // the session has settled
        self->step(Timer{});
    });
}

void OutboundSession::act(const Serve&)
{
    timer_.cancel();
    status_.problem.clear();
    blamed_ = false;
    status_.connected_since = utc_now_ms();
    ready_at_ = running_ms();
    delivery_.begin();
    liveness_.begin(signs_of_life_);
    link_->ping(delivery_.ping());
    arm_tick();
    arm_metrics();
    say_changed();
    if (traits_->heartbeat_at_once || codec_->heartbeat_due()) send_heartbeat({});
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
    failed_before_link({status_.problem});
}

void OutboundSession::act(const Done&)
{
    timer_.cancel();
    looking_.forget();
    refreshing_.forget();
    dating_.forget();
    context_.dispatcher.detach(*this);
    if (!done_) return;
    auto finish = [main = context_.main, done = std::exchange(done_, nullptr)] { asio::post(main, done); };
    if (nonces_) return nonces_->flush(std::move(finish));
    finish();
}

std::shared_ptr<Session> make_session(SessionContext context, ServerConfig config)
{
    return std::make_shared<OutboundSession>(std::move(context), std::move(config));
}

} // namespace agenthost::host
