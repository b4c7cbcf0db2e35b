#include "console.hpp"

#include "follower.hpp"
#include "ring_store.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <utility>

namespace agenthost::docker::console {

using Clock = std::chrono::steady_clock;

// Callbacks hold it weakly, or belong to its members: it dies with the Console.
struct Console::State : std::enable_shared_from_this<State> {
    State(engine::Client& c, const boost::asio::any_io_executor& pool, Options o, Handlers h)
        : client{c}, handlers{std::move(h)}, input{c}, events{o.events}, event_timer{c.io()},
          follower{c, follower_handlers()}, store{c.io(), pool, std::move(o.folder), store_handlers()}
    {}

    engine::Client& client;
    Handlers handlers;
    Input input;
    LogEvents events;
    boost::asio::steady_timer event_timer;
    Follower follower;
    RingStore store;

    std::string container;
    DoneWatch done;
    std::int64_t since_ns = 0; // lines from this time on are given to `done`
    std::uint64_t watches = 0; // identifies a search for an earlier one
    bool engine_known = false; // whether it is Podman
    bool search = false;       // in the ring, once that is known
    bool stopped = false;

    Follower::Handlers follower_handlers();
    RingStore::Handlers store_handlers();
    void on_part(const engine::LogPart&);
    [[nodiscard]] std::int64_t done_since_ns() const;
    void look_for_done();
    void found_done();
    void on_stored(const Batch&);
    void tell_events();
};

Follower::Handlers Console::State::follower_handlers()
{
    return {.position =
                [this](const std::string& name) {
                    engine_known = true;
                    if (std::exchange(search, false)) look_for_done();
                    return store.begin(name, client.podman());
                },
            .on_part = [this](const engine::LogPart& part) { on_part(part); },
            .on_gap = [this](std::int64_t stamp_ns) { store.gap(stamp_ns); },
            .on_complete =
                [this] {
                    if (handlers.on_complete) handlers.on_complete();
                }};
}

RingStore::Handlers Console::State::store_handlers()
{
    return {.on_open =
                [this] {
                    if (container.empty()) return;
                    search = true;
                    follower.follow(container);
                },
            .on_stored = [this](const Batch& batch) { on_stored(batch); },
            .on_room = [this] { follower.resume(); },
            .on_trouble =
                [this](const std::string& why) {
                    if (handlers.on_trouble) handlers.on_trouble(why);
                }};
}

void Console::State::on_part(const engine::LogPart& part)
{
    bool found = false;
    if (done.waiting() && part.stamp_ns >= done_since_ns())
        store.part(part, [&](const Item& item) { found = done.add(item) || found; });
    else
        store.part(part, {});
    if (store.full()) follower.pause();
    if (found) found_done();
}

// Podman's log stamps whole seconds.
std::int64_t Console::State::done_since_ns() const
{
    constexpr std::int64_t second = 1'000'000'000;
    return client.podman() ? since_ns / second * second : since_ns;
}

// Searches what an earlier agent stored.
void Console::State::look_for_done()
{
    ++watches;
    if (!done.waiting()) return;
    store.find(
        [watch = done, name = container, since = done_since_ns()](const Item& item,
                                                                  const std::string& of) mutable {
            return of == name && item.stamp_ns >= since && watch.add(item);
        },
        [this, mine = watches](bool found) {
            if (found && watches == mine && done.waiting()) found_done();
        });
}

void Console::State::found_done()
{
    done = {};
    if (handlers.on_done) handlers.on_done();
}

void Console::State::on_stored(const Batch& batch)
{
    const auto now = Clock::now();
    std::uint64_t position = batch.before.next;
    std::string_view packed = batch.packed;
    while (const auto item = unpack(packed))
        if (item->kind == Item::Kind::entry) events.add(position++, *item, now);
    tell_events();
}

void Console::State::tell_events()
{
    const auto self = shared_from_this(); // on_event may destroy the Console
    const auto now = Clock::now();
    const auto due = events.due();
    if (!due || stopped) return;
    if (*due <= now)
        for (const auto& event : events.take(now))
            if (handlers.on_event && !stopped) handlers.on_event(event);
    if (stopped || !events.due()) return;
    event_timer.expires_at(*events.due());
    event_timer.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
        const auto self = weak.lock();
        if (!cancelled && self) self->tell_events();
    });
}

Console::Console(engine::Client& client, const boost::asio::any_io_executor& disk, Options options,
                 Handlers handlers)
    : state_{std::make_shared<State>(client, disk, std::move(options), std::move(handlers))}
{}

Console::~Console()
{
    if (!state_->stopped) stop({});
}

void Console::follow(std::string container, DoneWatch done, std::int64_t since_ns)
{
    State& state = *state_;
    state.since_ns = since_ns;
    state.done = std::move(done);
    state.container = std::move(container);
    if (!state.store.is_open() || state.stopped) return;
    state.search = !state.engine_known;
    if (!state.search) state.look_for_done();
    state.follower.follow(state.container);
}

void Console::started() { state_->input.open(state_->container); }

void Console::ended() { state_->input.close(); }

void Console::retry_now() { state_->follower.retry_now(); }

void Console::send(std::string_view line, Input::Then then) { state_->input.send(line, std::move(then)); }

void Console::read(const Query& query, std::function<void(Page)> then)
{
    state_->store.read(query, std::move(then));
}

void Console::stop(std::function<void()> then)
{
    State& state = *state_;
    state.stopped = true;
    state.follower.stop();
    state.input.close();
    state.event_timer.cancel();
    state.store.close(std::move(then));
}

} // namespace agenthost::docker::console
