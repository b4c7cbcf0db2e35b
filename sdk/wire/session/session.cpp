#include "session.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace agenthost::wire {

using namespace session;

std::string_view to_string(SessionMachine::State state)
{
    constexpr std::array<std::string_view, 8> names{"idle",     "connecting", "authenticating", "ready",
                                                    "draining", "closing",    "waiting",        "stopped"};
    return names[static_cast<std::size_t>(state)];
}

Actions SessionMachine::step(Input input)
{
    if (state_ == State::stopped) return {};
    return std::visit([this](auto&& event) { return on(std::forward<decltype(event)>(event)); },
                      std::move(input));
}

Actions SessionMachine::open(int renewal)
{
    state_ = State::connecting;
    refused_ = at_once_ = false;
    renewal_ = renewal;
    return {Open{renewal}, Arm{options_.open_timeout}};
}

Actions SessionMachine::serve()
{
    state_ = State::ready;
    return {Serve{}, Arm{options_.settle}};
}

Actions SessionMachine::close(int code, std::string reason)
{
    state_ = State::closing;
    return {Close{code, std::move(reason)}, Arm{options_.close_timeout}};
}

Actions SessionMachine::on(Start)
{
    if (state_ != State::idle) return {};
    return open();
}

Actions SessionMachine::on(Opened)
{
    if (state_ != State::connecting) return {};
    if (options_.acceptance == Acceptance::upgrade) {
        state_ = State::ready;
        return {SendHello{}, Serve{}, Arm{options_.settle}};
    }
    state_ = State::authenticating;
    const bool silence = options_.acceptance == Acceptance::silence;
    return {SendHello{}, Arm{silence ? options_.silence : options_.hello_timeout}};
}

Actions SessionMachine::on(Answered answer)
{
    if (!answer.yes && (state_ == State::authenticating || state_ == State::ready)) {
        refused_ = !answer.another;
        return close(1000, "credential refused");
    }
    return state_ == State::authenticating ? serve() : Actions{};
}

Actions SessionMachine::on(const Protested& protested)
{
    if (state_ != State::authenticating && state_ != State::ready) return {};
    return close(1002, protested.why);
}

Actions SessionMachine::on(Died)
{
    if (state_ != State::ready && state_ != State::draining) return {};
    state_ = State::closing; // no closing handshake with a dead peer
    return {Abort{}};
}

Actions SessionMachine::on(Flushed)
{
    if (state_ != State::draining) return {};
    return close(1001, "shutting down");
}

Actions SessionMachine::on(Closed closed)
{
    if (state_ == State::waiting || state_ == State::idle) return {};
    if (stopping_) {
        state_ = State::stopped;
        return {Done{}};
    }
    if (at_once_) return open();
    const bool refused = closed.refused || refused_;
    if (refused && closed.renewable && renewals_ < options_.renewals) return open(++renewals_);
    if (!refused && renewal_ > 0)
        renewals_ = renewal_ - 1; // the renewal itself did not fail: mark it as not tried
    renewal_ = 0;
    state_ = State::waiting;
    return {Arm{std::max(closed.pause, options_.backoff.delay(++failures_, refused))}};
}

Actions SessionMachine::on(Timer)
{
    switch (state_) {
    case State::waiting: return open();
    case State::connecting: state_ = State::closing; return {Abort{}};
    case State::authenticating:
        if (options_.acceptance == Acceptance::silence) return serve();
        return close(1000, "no answer to the handshake");
    case State::ready: failures_ = renewals_ = renewal_ = 0; return {};
    case State::draining: return close(1001, "shutting down");
    case State::closing: return {Abort{}};
    default: return {};
    }
}

Actions SessionMachine::on(Reconnect)
{
    renewals_ = 0;
    switch (state_) {
    case State::waiting: return open();
    case State::ready: at_once_ = true; return close(1000, "reconnect");
    case State::closing: at_once_ = !stopping_; return {};
    default: return {}; // already in progress
    }
}

Actions SessionMachine::on(Stop stop)
{
    if (stopping_) return {};
    stopping_ = true;
    switch (state_) {
    case State::idle:
    case State::waiting: state_ = State::stopped; return {Done{}};
    case State::connecting: state_ = State::closing; return {Abort{}};
    case State::ready: state_ = State::draining; return {Drain{}, Arm{stop.grace}};
    case State::closing: return {};
    default: return close(1001, "shutting down");
    }
}

} // namespace agenthost::wire
