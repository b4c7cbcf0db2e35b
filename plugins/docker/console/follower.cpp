#include "follower.hpp"

#include "follow_plan.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace agenthost::docker::console {

namespace {

using boost::system::error_code;
using Step = FollowPlan::Step;

constexpr std::chrono::milliseconds first_check{500}, next_check{60'000};

} // namespace

struct Follower::State : std::enable_shared_from_this<State> {
    State(engine::Client& c, Handlers h)
        : client{c}, handlers{std::move(h)}, retry_timer{c.io()}, check_timer{c.io()}
    {}

    engine::Client& client;
    Handlers handlers;
    boost::asio::steady_timer retry_timer, check_timer;
    std::string container;
    FollowPlan plan;
    bool following = false, waiting = false, paused = false;
    std::uint64_t attempt = 0; // identifies callbacks of an earlier one

    // Of the current reading.
    engine::LogReading reading{{}, std::make_shared<engine::LogResume>()};
    bool tty = false, live = false, first_part = false, newest_only = false, flood = false;
    std::int64_t newest_ns = 0; // of what was taken
    FollowPlan::Time began;

    // A callback of the current attempt; it does nothing once another one has begun.
    template <class Function> auto bound(Function function)
    {
        return [weak = weak_from_this(), mine = attempt, function](auto&&... arguments) {
            if (const auto self = weak.lock(); self && self->attempt == mine)
                function(*self, std::forward<decltype(arguments)>(arguments)...);
        };
    }

    void leave();
    void step(Step);
    void after(std::chrono::milliseconds, Step (FollowPlan::*next)());
    void inspect();
    void read_log(bool follow);
    void peek();
    void on_part(const engine::LogPart&);
    void check_after(std::chrono::milliseconds);
    void check();
    void compare(std::int64_t newest_of_engine);
};

// Anything in progress no longer counts.
void Follower::State::leave()
{
    ++attempt;
    reading.cancel();
    retry_timer.cancel();
    check_timer.cancel();
    waiting = false;
}

void Follower::State::step(Step next)
{
    leave();
    switch (next) {
    case Step::inspect: return inspect();
    case Step::read: return read_log(false);
    case Step::follow: return read_log(true);
    case Step::peek: return peek();
    case Step::gather: return after(FollowPlan::gather_time, &FollowPlan::on_gathered);
    case Step::rest: return after(FollowPlan::rest_time, &FollowPlan::on_rested);
    case Step::wait:
        waiting = true;
        retry_timer.expires_after(plan.delay());
        retry_timer.async_wait(bound([](State& self, error_code cancelled) {
            if (!cancelled) self.step(Step::inspect);
        }));
        return;
    case Step::complete:
        following = false;
        handlers.on_complete();
        return;
    }
}

void Follower::State::after(std::chrono::milliseconds time, Step (FollowPlan::*next)())
{
    retry_timer.expires_after(time);
    retry_timer.async_wait(bound([next](State& self, error_code cancelled) {
        if (!cancelled) self.step((self.plan.*next)());
    }));
}

void Follower::State::inspect()
{
    client.inspect(container, bound([](State& self, const engine::Result<engine::ContainerFacts>& facts) {
                       auto is = FollowPlan::Container::unknown;
                       if (facts) {
                           self.tty = facts->tty;
                           is =
                               facts->running ? FollowPlan::Container::running : FollowPlan::Container::ended;
                       } else if (facts.error().cause == engine::Cause::not_found) {
                           is = FollowPlan::Container::absent;
                       }
                       self.step(self.plan.on_inspected(is, self.client.podman()));
                   }));
}

void Follower::State::read_log(bool follow)
{
    const auto from = handlers.position(container);
    const auto tail = plan.tail(from.taken);
    newest_ns = from.newest_ns;
    newest_only = tail.has_value();
    live = follow && !client.podman();
    first_part = true;
    flood = false;
    began = std::chrono::steady_clock::now();
    reading =
        client.logs(container, {.tty = tty, .follow = follow, .from = from, .tail = tail},
                    {.on_open = bound([](State& self) {
                         if (self.live) self.check_after(first_check);
                     }),
                     .on_part = bound([](State& self, const engine::LogPart& part) { self.on_part(part); }),
                     .on_end = bound([](State& self, const std::optional<engine::Error>& error) {
                         // The end of a follower matters even if its messages did not reach back; a short log
                         // never does.
                         const bool cut = !error && self.newest_only && !self.live && !self.plan.lost() &&
                                          !self.reading.reaches_back();
                         self.step(cut ? self.plan.on_cut() : self.plan.on_end(!error));
                     })});
    if (paused) reading.pause();
}

void Follower::State::on_part(const engine::LogPart& part)
{
    if (std::exchange(first_part, false)) {
        const bool cut = newest_only && !reading.reaches_back();
        if (cut && !plan.lost()) return step(plan.on_cut());
        const bool gap = !live && (cut || reading.gap());
        if (gap && !newest_only && !client.podman()) return step(plan.on_lost());
        if (gap) handlers.on_gap(part.stamp_ns);
    }
    if (live) return step(plan.on_output());
    if (flood && !part.continues) { // not in the middle of a message
        const auto now = std::chrono::steady_clock::now();
        return step(plan.on_flood(now, now - began));
    }
    flood = plan.on_part(part.text.size()) || flood;
    newest_ns = std::max(newest_ns, part.stamp_ns);
    handlers.on_part(part);
}

void Follower::State::peek()
{
    const auto newest = std::make_shared<FollowPlan::Newest>();
    reading =
        client.logs(container, {.tty = tty, .follow = false, .from = {}, .tail = FollowPlan::peek_messages},
                    {.on_open = {},
                     .on_part =
                         [newest](const engine::LogPart& part) {
                             if (newest->messages++ == 0) newest->first_ns = part.stamp_ns;
                             newest->last_ns = std::max(newest->last_ns, part.stamp_ns);
                         },
                     .on_end = bound([newest](State& self, const std::optional<engine::Error>& error) {
                         self.step(error ? self.plan.on_end(false)
                                         : self.plan.on_peeked(*newest, std::chrono::steady_clock::now()));
                     })});
}

void Follower::State::check_after(std::chrono::milliseconds time)
{
    check_timer.expires_after(time);
    check_timer.async_wait(bound([](State& self, error_code cancelled) {
        if (!cancelled) self.check();
    }));
}

void Follower::State::check()
{
    const auto newest = std::make_shared<std::int64_t>(0);
    client.logs(container, {.tty = tty, .follow = false, .from = {}, .tail = 1},
                {.on_open = {},
                 .on_part = [newest](const engine::LogPart& part) { *newest = part.stamp_ns; },
                 .on_end = bound([newest](State& self, const std::optional<engine::Error>&) {
                     if (*newest <= self.newest_ns) return self.check_after(next_check);
                     self.compare(*newest);
                 })});
}

// The message may be on its way.
void Follower::State::compare(std::int64_t newest_of_engine)
{
    check_timer.expires_after(first_check);
    check_timer.async_wait(bound([newest_of_engine](State& self, error_code cancelled) {
        if (cancelled) return;
        if (newest_of_engine <= self.newest_ns || self.paused) return self.check_after(next_check);
        self.step(self.plan.on_behind());
    }));
}

Follower::Follower(engine::Client& client, Handlers handlers)
    : state_{std::make_shared<State>(client, std::move(handlers))}
{}

Follower::~Follower() { stop(); }

void Follower::follow(std::string container)
{
    State& state = *state_;
    if (state.following && state.container == container) return;
    state.container = std::move(container);
    state.following = true;
    state.plan = {};
    state.step(Step::inspect);
}

void Follower::stop()
{
    state_->leave();
    state_->following = false;
}

void Follower::pause()
{
    state_->paused = true;
    state_->reading.pause();
}

void Follower::resume()
{
    state_->paused = false;
    state_->reading.resume();
}

void Follower::retry_now()
{
    if (state_->waiting) state_->step(Step::inspect);
}

} // namespace agenthost::docker::console
