// The life of an outbound session as a state machine without I/O: it is told what happened and says what to do next.
//
//   idle -> connecting -> authenticating -> ready -> draining -> closing -> stopped
//                \______________\____________\___________\___________\-> waiting -> connecting
//
// What authenticates a session differs (Acceptance): the server's answer to hello, the upgrade itself, or its silence after hello.
// Who is refused waits the longest delay; where credentials can be renewed (panel), each renewal is tried once before that.
// A session that has lasted `settle` has proven itself: failures before it no longer count.
//
// Frames of a ready session do not come here: the shell hands them to codec and dispatch itself. Beside it: Liveness (is the peer
// still there), Delivery (what has the peer got). One per server; not thread-safe; the shell owns socket, timers, clock.
#pragma once

#include "backoff.hpp"
#include "wire/codec.hpp"

#include <string>
#include <variant>
#include <vector>

namespace agenthost::wire {

namespace session {

// What happened. `Timer` is the one armed last; the shell drops a timer when the next is armed.
struct Start {};
struct Opened {}; // TCP, TLS and the WebSocket upgrade are done
struct Answered {
    bool yes;
}; // the server's answer to our hello; no: also later, our credential is no longer good
struct Protested {
    std::string why;
};                 // what the peer sent is no answer, or breaks the protocol
struct Died {};    // Liveness: nothing came for too long
struct Flushed {}; // while draining: nothing is queued and the peer has what it must
struct Closed {
    bool refused = false;  // our credential
    bool renewable = true; // false: no renewal can help, the renewal itself was refused
    milliseconds pause{0}; // the least wait before the next attempt; a person's Reconnect does not wait
};                         // by the peer, by an error, or as we asked; also a failed open
struct Timer {};
struct Reconnect {}; // an attempt now: a person asks, or the credential has changed
struct Stop {
    milliseconds grace;
}; // for what is queued
using Input = std::variant<Start, Opened, Answered, Protested, Died, Flushed, Closed, Timer, Reconnect, Stop>;

// What to do, in order.
struct Open {
    int renewal =
        0; // renew the credential first, in the way of this number (1 refresh, 2 register again); 0: as it is
};
struct SendHello {}; // the codec knows it; nothing when the upgrade carried it
struct Arm {
    milliseconds after;
};
struct Serve {}; // authenticated: frames go to dispatch from now on
struct Drain {}; // take nothing new; report Flushed
struct Close {
    int code;
    std::string reason;
};               // start the closing handshake, report Closed at its end
struct Abort {}; // drop the connection, or the attempt, at once; report Closed
struct Done {};  // stopped: nothing follows
using Action = std::variant<Open, SendHello, Arm, Serve, Drain, Close, Abort, Done>;
using Actions = std::vector<Action>;

} // namespace session

class SessionMachine {
public:
    enum class State { idle, connecting, authenticating, ready, draining, closing, waiting, stopped };

    struct Options {
        Acceptance acceptance = Acceptance::answer;
        int renewals = 0;                    // ways to renew a refused credential, each tried once
        milliseconds open_patience{30'000};  // name, TCP, TLS and upgrade, every address tried
        milliseconds hello_patience{10'000}; // for the answer to hello
        milliseconds silence{2'000};         // after hello, when that is the answer
        milliseconds settle{10'000};         // of being ready
        milliseconds close_patience{2'000};  // for the peer's half of the closing handshake
        Backoff backoff;
    };
    explicit SessionMachine(Options options) : options_{std::move(options)} {}

    // One step. The actions are to be carried out in order, before the next step.
    session::Actions step(session::Input);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] int failures() const { return failures_; } // in a row, for status

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
    int renewals_ = 0;     // ways that were tried since the last settled session
    int renewal_ = 0;      // this attempt's
    bool refused_ = false; // the credential, in this attempt
    bool at_once_ = false; // the next attempt follows without a wait
    bool stopping_ = false;
};

std::string_view name(SessionMachine::State);

} // namespace agenthost::wire
