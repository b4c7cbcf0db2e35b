// The shell of one outbound session: carries out what wire::SessionMachine says, serves the frames of a ready connection, and is
// the dispatcher's Caller for this server. Private to host/session; others use session.hpp.
#pragma once

#include "host/session/link.hpp"
#include "host/session/off_thread.hpp"
#include "host/session/outgoing.hpp"
#include "host/session/prepare.hpp"
#include "host/session/session.hpp"
#include "wire/codec.hpp"
#include "wire/delivery.hpp"
#include "wire/liveness.hpp"
#include "wire/session.hpp"

#include <boost/asio/steady_timer.hpp>

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

    void step(wire::session::Input);
    void act(const wire::session::Open&);
    void act(const wire::session::SendHello&);
    void act(const wire::session::Arm&);
    void act(const wire::session::Serve&);
    void act(const wire::session::Drain&);
    void act(const wire::session::Close&);
    void act(const wire::session::Abort&);
    void act(const wire::session::Done&);

    void prepared(Prepared);
    void failed_before_link(std::string why);
    void answer_to_hello(std::string_view text);
    void malformed(const wire::Malformed&);
    void arm_tick();
    void tick();
    void ask_for_proof();
    void look_if_drained();
    void queued();

    SessionContext context_;
    ServerConfig config_;
    Policy policy_;
    std::string shown_url_, bad_config_;
    std::optional<Url> url_;
    wire::SessionMachine machine_;
    std::unique_ptr<wire::AgentCodec> codec_;
    wire::Liveness liveness_;
    wire::Delivery delivery_;
    Outgoing outgoing_;
    std::shared_ptr<Link> link_;
    OffThread preparing_;
    std::string credential_; // from preparing until the hello is sent
    boost::asio::steady_timer timer_, tick_, proof_;
    std::chrono::milliseconds heartbeat_;
    std::function<void()> done_;
    bool held_ = false, output_waits_ = false, proof_armed_ = false;
    std::uint64_t signs_of_life_ = 0, attempts_ = 0;
    SessionStatus status_;
};

} // namespace agenthost::host
