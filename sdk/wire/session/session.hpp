// The state machine of an outbound session, without I/O: it takes inputs (what happened) and returns actions.
//
//   idle -> connecting -> authenticating -> ready -> draining -> closing -> stopped
//                \______________\____________\___________\___________\-> waiting -> connecting
//
// A session is authenticated (Acceptance) by the server's answer to hello, by the upgrade itself, or by
// silence after hello. A refused agent waits for the longest delay; if credentials can be renewed (panel),
// each renewal is tried once before that. After a session has lasted `settle`, earlier failures no longer
// count.
//
// The frames of a ready session are not inputs: the caller passes them to codec and dispatch. See also
// Liveness (dead peers) and Delivery (received results). One per server; not thread-safe; the caller owns
// socket, timers and clock.
#pragma once

#include "backoff.hpp"
#include "wire/codec.hpp"

#include <string>
#include <variant>
#include <vector>

namespace agenthost::wire {

namespace session {

// Inputs. `Timer` is the one armed last; arming a timer cancels the previous one.
struct Start {};
struct Opened {}; // TCP, TLS and the WebSocket upgrade are done
struct Answered {
    bool yes;
    // With no: another credential is left to try, so the next attempt follows after an ordinary delay.
    bool another = false;
}; // the server's answer to our hello; a later no: our credential is no longer valid
struct Protested {
    std::string why;
};                 // the peer sent an invalid answer or violated the protocol
struct Died {};    // Liveness: the peer is dead
struct Flushed {}; // while draining: the queue is empty and all required results are delivered
struct Closed {
    bool refused = false;  // the server rejected our credential
    bool renewable = true; // false: the renewal itself was refused, so none can help
    milliseconds pause{0}; // min delay before the next attempt; Reconnect ignores it
};                         // closed by the peer, by an error, or by us; also a failed open
struct Timer {};
struct Reconnect {}; // attempt now: requested by a user, or the credential has changed
struct Stop {
    milliseconds grace;
}; // time limit for the queue
using Input = std::variant<Start, Opened, Answered, Protested, Died, Flushed, Closed, Timer, Reconnect, Stop>;

// Actions, to be executed in order.
struct Open {
    // Renew the credential first by this method (1 refresh, 2 register again); 0: do not renew.
    int renewal = 0;
};
struct SendHello {}; // made by the codec; empty if the upgrade contained it
struct Arm {
    milliseconds after;
};
struct Serve {}; // authenticated: pass frames to dispatch from now on
struct Drain {}; // accept no new commands; report Flushed
struct Close {
    int code;
    std::string reason;
};               // start the closing handshake; report Closed at its end
struct Abort {}; // drop the connection or the attempt immediately; report Closed
struct Done {};  // stopped: the last action
using Action = std::variant<Open, SendHello, Arm, Serve, Drain, Close, Abort, Done>;
using Actions = std::vector<Action>;

} // namespace session

class SessionMachine {
public:
    enum class State { idle, connecting, authenticating, ready, draining, closing, waiting, stopped };

    struct Options {
        Acceptance acceptance = Acceptance::answer;
        int renewals = 0;                   // ways to renew a refused credential, each tried once
        milliseconds open_timeout{30'000};  // DNS, TCP, TLS and upgrade, for all addresses
        milliseconds hello_timeout{10'000}; // for the answer to hello
        milliseconds silence{2'000};        // silence after hello that means acceptance
        milliseconds settle{10'000};        // time in ready after which failures are forgotten
        milliseconds close_timeout{2'000};  // for the peer's close frame
        Backoff backoff;
    };
    explicit SessionMachine(Options options) : options_{std::move(options)} {}

    // Handles one input. Execute the returned actions in order before the next step.
    session::Actions step(session::Input);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] int failures() const { return failures_; } // consecutive failures, for status

private:
    session::Actions on(session::Start);
    session::Actions on(session::Opened);
    session::Actions on(session::Answered);
    session::Actions on(const session::Protested&);
    session::Actions on(session::Died);
    session::Actions on(session::Flushed);
    session::Actions on(session::Closed);
    session::Actions on(session::Timer);
    session::Actions on(session::Reconnect);
    session::Actions on(session::Stop);

    session::Actions open(int renewal = 0);
    session::Actions serve();
    session::Actions close(int code, std::string reason);

    Options options_;
    State state_ = State::idle;
    int failures_ = 0;
    int renewals_ = 0;     // methods tried since the last settled session
    int renewal_ = 0;      // method of this attempt
    bool refused_ = false; // the credential was refused in this attempt
    bool at_once_ = false; // start the next attempt without a delay
    bool stopping_ = false;
};

std::string_view to_string(SessionMachine::State);

} // namespace agenthost::wire
