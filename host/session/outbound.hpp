// One outbound session: executes the actions of wire::SessionMachine, handles the frames of a ready
// connection, and is the dispatcher's Caller for this server. Private to host/session; others use
// session.hpp. One class in four files:
//   outbound.cpp         the machine's actions: prepare, connect, say hello, close, wait
//   outbound_frames.cpp  frames in, results, streams and events out, proof of delivery
//   outbound_beats.cpp   timers: heartbeats, pings, metrics, check for a changed secret, token refresh
//   outbound_ends.cpp    how a connection ended and its consequences; the server's clock
#pragma once

#include "host/session/auth/clock_skew.hpp"
#include "host/session/auth/nonces.hpp"
#include "host/session/auth/sent_credential.hpp"
#include "host/session/http_call.hpp"
#include "host/session/link.hpp"
#include "host/session/off_thread.hpp"
#include "host/session/outage.hpp"
#include "host/session/outgoing.hpp"
#include "host/session/prepare.hpp"
#include "host/session/session.hpp"
#include "wire/codec.hpp"
#include "wire/session/delivery.hpp"
#include "wire/session/liveness.hpp"
#include "wire/session/session.hpp"
#include "wire/session/takeovers.hpp"

#include <boost/asio/steady_timer.hpp>

#include <optional>

namespace agenthost::host {

class OutboundSession final : public Session,
                              public Caller,
                              public Link::Owner,
                              public std::enable_shared_from_this<OutboundSession> {
public:
    OutboundSession(SessionContext, ServerConfig);
    ~OutboundSession() override;

    // Session
    void start() override;
    void stop(std::chrono::milliseconds grace, std::function<void()> done) override;
    void reconnect() override;
    [[nodiscard]] SessionStatus status() const override;
    [[nodiscard]] const ServerConfig& config() const override { return config_; }

    // Caller
    [[nodiscard]] const Policy& policy() const override { return policy_; }
    [[nodiscard]] bool connected() const override;
    bool on_result(const wire::Result&, std::uint64_t outbox) override;
    void on_progress(const wire::Progress&) override;
    void on_step(const wire::Progress&) override;
    bool on_stream(const wire::Stream&) override;
    bool on_event(const wire::Event&) override;

    // Link::Owner
    void on_open() override;
    void on_frame(std::string_view text) override;
    void on_ping() override { ++signs_of_life_; }
    void on_pong(std::string_view payload) override;
    std::string_view next_frame() override { return outgoing_.front(); }
    void on_written() override;
    void on_end(const Link::End&) override;

private:
    using State = wire::SessionMachine::State;

    // outbound.cpp
    void step(wire::session::Input);
    void act(const wire::session::Open&);
    void act(const wire::session::SendHello&);
    void act(const wire::session::Arm&);
    void act(const wire::session::Serve&);
    void act(const wire::session::Drain&);
    void act(const wire::session::Close&);
    void act(const wire::session::Abort&);
    void act(const wire::session::Done&);
    [[nodiscard]] PrepareRequest prepare_request(int renewal) const;
    void prepared(Prepared);
    void failed_before_link(Link::End end, bool renewable = true);
    [[nodiscard]] std::unique_ptr<wire::AgentCodec> make_codec();
    [[nodiscard]] wire::Hello hello() const;
    [[nodiscard]] bool signs() const
    {
        return traits_ && traits_->signature_window > std::chrono::seconds{0};
    }
    void blame(std::string problem);
    void say_changed() const;

    // outbound_ends.cpp
    void ended(const Link::End&, bool renewable);
    void explain(const Link::End&);
    void frame_was_too_large();
    [[nodiscard]] std::string contest() const;
    void measure_clock(const std::string& date, std::int64_t utc_ms, std::int64_t running_ms);
    void ask_for_date();
    [[nodiscard]] std::int64_t server_now() const;

    // outbound_frames.cpp
    void answer_to_hello(std::string_view text);
    void received(const wire::FromServer&, std::string_view text);
    void refused(const wire::Welcome&);
    void malformed(const wire::Malformed&, std::string_view text);
    [[nodiscard]] std::size_t peer_max() const;
    enum class Queued { yes, no_words, too_large };
    template <class Message> Queued queue(const Message&, std::uint64_t row = 0);
    template <class Message> bool frame_of(const Message&, std::string& frame);
    void queue_too_large(const wire::Result&, std::uint64_t row, std::size_t bytes);
    void ask_for_proof();
    void look_if_drained();
    void queued();

    // outbound_beats.cpp
    void arm_tick();
    void tick();
    void arm_metrics();
    void send_heartbeat(std::string_view ping_id);
    void send_metrics();
    void follow_codec(); // applies the server's settings: a new interval, a heartbeat now
    void look_at_secret();
    void look_at_token();

    SessionContext context_;
    ServerConfig config_;
    Policy policy_;
    std::string shown_url_, bad_config_;
    // nullptr: this build does not support the protocol.
    const wire::ProtocolTraits* traits_ = nullptr;
    wire::SessionMachine machine_;
    // Only in protocols with signed frames.
    std::optional<Nonces> nonces_;
    bool nonces_read_ = false;
    std::unique_ptr<wire::AgentCodec> codec_; // of the current connection
    wire::Liveness liveness_;
    wire::Delivery delivery_;
    Outgoing outgoing_;
    std::shared_ptr<Link> link_;
    OffThread preparing_, looking_, refreshing_;
    // For hello; the credential is kept only from preparation until hello is sent.
    std::string agent_id_, credential_, host_name_, arch_, capabilities_;
    std::string credential_print_; // SHA-256 of the configured one, to know a changed file by
    SentCredential sent_credential_;
    ServerClock clock_;
    HttpCall date_call_; // requests the Date from this server's origin
    OffThread dating_;
    std::optional<std::int64_t> asked_for_date_; // running_ms()
    Outage outage_;
    wire::Takeovers takeovers_;
    std::int64_t ready_at_ = 0; // running_ms(); 0: this attempt is not ready yet
    // This attempt already has a reason for its end; later socket errors do not replace it.
    bool blamed_ = false;
    bool unusable_said_ = false;    // of the current connection
    std::size_t refused_bytes_ = 0; // of the last frame that queue() found too large
    std::size_t learned_max_ = 0;   // max bytes per frame after the server closed with 1009; 0: as configured
    boost::asio::steady_timer timer_, tick_, proof_, metrics_;
    std::chrono::milliseconds heartbeat_{}, metrics_interval_{0};
    // Requested by the server's settings; also used for later connections.
    std::optional<std::chrono::milliseconds> asked_beat_;
    std::chrono::milliseconds refresh_{0}; // interval for renewing a registration's token; 0: no registration
    std::int64_t refreshed_at_ = 0;
    std::chrono::steady_clock::time_point no_refresh_before_{};
    bool beats_ = true; // the protocol has heartbeats
    std::function<void()> done_;
    bool held_ = false, output_waits_ = false, proof_armed_ = false;
    std::uint64_t signs_of_life_ = 0, attempts_ = 0;
    SessionStatus status_;
    std::string prepare_notice_, refresh_notice_;
};

} // namespace agenthost::host
