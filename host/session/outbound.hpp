// The I/O shell of one outbound session: carries out what wire::SessionMachine decides, passes the frames of
// a ready connection between codec and dispatcher, and is the dispatcher's Caller for this server. It
// connects the machine with the parts that have a state of their own: Sender, DeliveryProof, Heartbeat,
// ServerTime, CredentialWatch, EndReason, MalformedFrames; session_options.hpp has what is derived from the
// configuration.
//
// Main I/O thread. Owned by host/app; private to host/session, others use session.hpp. Of its functions 19
// implement Session, Caller and Link::Owner and 8 the machine's actions; the others pass something from one
// part to another.
//   outbound.cpp         the machine's actions, the clock, the end of a connection
//   outbound_frames.cpp  frames in; results, streams and events out
#pragma once

#include "host/session/agent_description.hpp"
#include "host/session/agent_report.hpp"
#include "host/session/auth/credential_watch.hpp"
#include "host/session/auth/nonces.hpp"
#include "host/session/auth/server_time.hpp"
#include "host/session/delivery_proof.hpp"
#include "host/session/end_reason.hpp"
#include "host/session/heartbeat.hpp"
#include "host/session/link.hpp"
#include "host/session/malformed_frames.hpp"
#include "host/session/off_thread.hpp"
#include "host/session/prepare.hpp"
#include "host/session/repeating_timer.hpp"
#include "host/session/sender.hpp"
#include "host/session/session.hpp"
#include "wire/codec.hpp"
#include "wire/session/session.hpp"

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
    bool on_binary(std::string_view bytes) override;
    void on_ping() override { heartbeat_.sign_of_life(); }
    void on_pong(std::string_view payload) override;
    std::string_view next_frame() override { return sender_.front(); }
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
    void timed_out();
    void ended(const Link::End&, bool renewable);
    void blame_size();
    void tick();
    void send_heartbeat(std::string_view ping_id);
    void send_metrics();
    void follow_codec();
    [[nodiscard]] std::unique_ptr<wire::AgentCodec> make_codec();
    void notify_changed() const;

    // outbound_frames.cpp
    void answer_to_hello(std::string_view text);
    void received(const wire::FromServer&, std::string_view text);
    void refused(const wire::Welcome&);
    void refuse_malformed(const wire::Malformed&, std::string_view text);
    void check_drained();
    void kick();

    SessionContext context_;
    ServerConfig config_;
    Policy policy_;
    // Null: this build does not support the protocol.
    const wire::ProtocolTraits* traits_ = nullptr;
    wire::SessionMachine machine_;
    AgentDescription agent_;
    // Of a protocol that signs.
    std::optional<Nonces> nonces_;
    OffThread preparing_;
    std::shared_ptr<Link> link_;
    // Of the machine.
    boost::asio::steady_timer timer_;
    Sender sender_;
    DeliveryProof proof_;
    Heartbeat heartbeat_;
    RepeatingTimer metrics_;
    ServerTime time_;
    CredentialWatch credentials_;
    EndReason reason_;
    MalformedFrames malformed_;
    AgentReport report_;
    // What the shell counts itself; status() adds the parts'.
    SessionStatus status_;
    bool attempted_ = false;
    // Of stop().
    std::function<void()> done_;
};

} // namespace agenthost::host
