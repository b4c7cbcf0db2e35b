// Handles the requests of a connection, one after another: passes each to the plugin of its route, receives
// its body, sends the answer, and watches their timeouts. The Connection reads the heads, and decides what
// follows an answer. On the connection's thread; owned by the Connection. Private to host/listener.
//
// One class, although it has more than 25 members: half are the callbacks of its parts and the plugin's
// calls, a few lines each.
#pragma once

#include "base/fd.hpp"
#include "host/listener/answer_sender.hpp"
#include "host/listener/body_receiver.hpp"
#include "host/listener/exchange.hpp"
#include "host/listener/piece_sender.hpp"
#include "host/listener/progress.hpp"
#include "host/listener/request_head.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace agenthost::host::listener {

// An answer of the plugin.
struct Reply {
    int status = 200;
    Headers headers;
    std::string text;
    // Invalid: the body is `text`.
    base::Fd fd;
    std::uint64_t offset = 0, length = 0;
};

class RequestHandler final : private BodyReceiver::Owner, private AnswerOwner {
public:
    using Request = WebSocket::Request;
    using Clock = Progress::Clock;

    explicit RequestHandler(Connection& connection) : connection_{connection} {}

    // Of the running request; the defaults between requests.
    [[nodiscard]] const RequestFacts& facts() const { return facts_; }
    void set_facts(const RequestFacts& facts) { facts_ = facts; }
    // The connection ends after the answer.
    void close_afterwards() { facts_.keep_alive = false; }

    // Passes the connection's exchange to its plugin. `upgrade`: the request, if its route is a WebSocket.
    void begin(std::string_view head, std::unique_ptr<Request> upgrade);
    // The request of begin(), if the plugin may still upgrade it; null otherwise.
    std::unique_ptr<Request> take_upgrade();

    // The plugin's calls. The exchange's phase has already changed; a call that is too late does nothing.
    void receive(int fd, std::uint64_t offset, std::uint64_t max);
    void answer(Reply);
    void begin_answer(int status, const Headers&, std::uint64_t length);
    void add_piece(std::string_view);
    void end_answer();

    // The socket has input, or the peer has closed.
    void readable();
    void tick(Clock::time_point now);
    // Ends the exchange; `code` is for the plugin. False: the pool still uses the descriptors. It then calls
    // Connection::abort(), which calls this again.
    [[nodiscard]] bool stop(int code);
    // Forgets the request.
    void reset();
    // The answer's status, for the plugin.
    [[nodiscard]] int status() const { return status_; }

private:
    enum class Stage : std::uint8_t { none, pending, body, answering, streaming };

    void enter(Stage);
    void watch_peer();
    void refuse_body(const ReceivedBody&, std::uint64_t max);
    void tick_pending(Clock::time_point now);
    void tick_body(Clock::time_point now);
    void tick_answer(Clock::time_point now);
    [[nodiscard]] std::chrono::milliseconds body_timeout() const;
    [[nodiscard]] bool pool_is_busy() const;
    template <class Part> [[nodiscard]] std::shared_ptr<Part> part() const
    {
        const auto* const held = std::get_if<std::shared_ptr<Part>>(&part_);
        return held ? *held : nullptr;
    }

    void wait_for_body() override;
    bool still_wanted() override;
    bool body_landed(std::uint64_t bytes) override;
    void body_ended(ReceivedBody) override;
    void answer_moved() override { progress_.moved(Clock::now()); }
    void pieces_taken(std::size_t bytes) override;
    void answer_sent() override;
    void answer_failed() override;

    Connection& connection_;
    RequestFacts facts_;
    int status_ = 0;
    Stage stage_ = Stage::none;
    bool stop_wanted_ = false;
    // Since the stage began.
    Progress progress_;
    // The part that works on the request now.
    std::variant<std::monostate, std::unique_ptr<Request>, std::shared_ptr<BodyReceiver>,
                 std::shared_ptr<AnswerSender>, std::shared_ptr<PieceSender>>
        part_;
};

} // namespace agenthost::host::listener
