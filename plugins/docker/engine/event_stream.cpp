#include "event_stream.hpp"

#include "base/json_writer.hpp"
#include "target.hpp"

#include <algorithm>
#include <chrono>

namespace agenthost::docker::engine {

namespace {

constexpr std::chrono::seconds head_deadline{15};

std::int64_t now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

} // namespace

// Callbacks of the client hold it weakly: it dies with the EventStream.
struct EventStream::State : std::enable_shared_from_this<State> {
    State(Client& c, std::string l, Handlers h)
        : client{c}, label{std::move(l)}, handlers{std::move(h)}, timer{c.io()}, pulse_timer{c.io()}
    {}

    Client& client;
    std::string label;
    Handlers handlers;
    boost::asio::steady_timer timer, pulse_timer;
    EventWindow window;
    std::int64_t started_ns = 0; // when the first attempt began
    std::chrono::milliseconds backoff = min_backoff;
    bool first = true, away_told = false, is_open = false, stopped = false;
    Peer peer;
    Running running, question;
    std::optional<Liveness> pulse;      // from the first opening on, until the stream ends with an error
    std::chrono::seconds silent_for{0}; // as it was told; 0: it answers
    unsigned number = 0;                // of the stream: callbacks of an earlier one are void

    // A callback that does nothing once the stream is gone.
    template <class Function> auto bound(Function function)
    {
        return [weak = weak_from_this(), function](auto&&... arguments) {
            if (const auto self = weak.lock(); self && !self->stopped)
                function(*self, std::forward<decltype(arguments)>(arguments)...);
        };
    }

    void attempt()
    {
        client.forget_version(); // the engine may have been upgraded
        running = client.probe(bound([](State& self, Result<EngineFacts> facts) {
            if (!facts) return self.away(facts.error());
            self.subscribe(std::move(facts.value()));
        }));
    }

    [[nodiscard]] std::string target() const
    {
        std::string filters;
        {
            base::JsonWriter json{filters};
            json.object().array("type").value("container").end();
            // Podman cannot filter by a label without a value, so all its events are read and filtered here.
            if (!label.empty() && !client.podman()) json.array("label").value(label).end();
            json.end();
        }
        // The engine sends the head of its answer before it subscribes; it remembers events in between.
        const std::int64_t last = window.since_ns();
        Target target{"/events"};
        target.query("since", engine_time(last > 0 ? last : started_ns)).query("filters", filters);
        return target.text();
    }

    void subscribe(EngineFacts facts)
    {
        Request request;
        request.context.what = "follow events";
        request.target = target();
        request.own_connection = true;
        request.timeouts.head = head_deadline;
        const auto lines = std::make_shared<JsonLines>();
        engine::Handlers on;
        on.on_head = bound(
            [facts = std::move(facts)](State& self, const netclient::ResponseHead&) { self.opened(facts); });
        on.on_content = [weak = weak_from_this(), lines](std::string_view bytes) -> const char* {
            const auto self = weak.lock();
            if (!self) return "nobody listens";
            if (!lines->push(bytes, [&](std::string_view line) { return self->on_line(line); }))
                return "an event is longer than 1 MiB";
            return self->stopped ? "nobody listens" : nullptr;
        };
        on.on_end = bound([mine = ++number](State& self, std::optional<Error> error) {
            if (self.number != mine) return;
            const CallContext context{self.client.options().socket, "follow events", self.client.podman()};
            self.away(error ? *error : error_of_break(context, "the engine has ended the stream", true));
        });
        exchange = client.begin(std::move(request), std::move(on));
        running = Running{exchange};
    }

    void opened(const EngineFacts& facts)
    {
        const auto sending = exchange.lock();
        const Peer now = peer_of(sending ? sending->descriptor() : -1);
        Opened opened{first, !first && (now.pid <= 1 || !(now == peer)), facts};
        peer = now;
        first = away_told = false;
        is_open = true;
        backoff = min_backoff;
        told_silence({});
        if (!std::exchange(pulse, Liveness{Clock::now()})) beat();
        if (handlers.on_open) handlers.on_open(opened);
    }

    // Returns whether to continue. A line that is not an event is skipped: one odd event must not end the
    // stream.
    bool on_line(std::string_view line)
    {
        const auto event = read_event(line);
        if (event && has_label(*event, label) && window.fresh(*event) && handlers.on_event)
            handlers.on_event(*event);
        return !stopped;
    }

    // Each Liveness::interval.
    void beat()
    {
        pulse_timer.expires_after(Liveness::interval);
        pulse_timer.async_wait(bound([](State& self, boost::system::error_code failed) {
            if (failed || !self.pulse) return;
            self.check();
            if (self.pulse) self.beat();
        }));
    }

    void check()
    {
        const Liveness::Step step = pulse->tick(Clock::now(), client.heard());
        // Its answer is seen by heard(). A broken connection says nothing about the engine: it is asked again.
        if (step.ask)
            question = client.ping(bound([](State& self, const Result<Done>& answer) {
                const bool unasked = !answer && answer.error().cause != Cause::timeout;
                if (unasked && self.pulse) self.pulse->not_asked();
            }));
        told_silence(step.silent_for);
        if (step.state != Liveness::State::away || !is_open) return;
        ++number;
        running.cancel();
        away(silence());
    }

    [[nodiscard]] Error silence() const
    {
        return error_of_silence({client.options().socket, {}, client.podman()}, silent_for);
    }

    void told_silence(std::chrono::seconds now)
    {
        if (std::exchange(silent_for, now) == now || !handlers.on_silence) return;
        handlers.on_silence(now.count() > 0 ? std::optional{silence()} : std::nullopt);
    }

    void away(const Error& error)
    {
        is_open = false;
        if (error.cause != Cause::timeout) {
            if (silent_for.count() > 0) away_told = false; // it is known better now
            silent_for = {};
            pulse.reset();
        }
        if (!std::exchange(away_told, true) && handlers.on_away) handlers.on_away(error);
        if (stopped) return;
        timer.expires_after(backoff);
        backoff = std::min(backoff * 2, max_backoff);
        timer.async_wait(bound([](State& self, boost::system::error_code failed) {
            if (!failed) self.attempt();
        }));
    }

    std::weak_ptr<Exchange> exchange;
};

EventStream::EventStream(Client& client, std::string label, Handlers handlers)
    : state_{std::make_shared<State>(client, std::move(label), std::move(handlers))}
{}

EventStream::~EventStream()
{
    state_->stopped = true;
    state_->timer.cancel();
    state_->pulse_timer.cancel();
    state_->question.cancel();
    state_->running.cancel();
}

void EventStream::start()
{
    state_->started_ns = now_ns();
    state_->attempt();
}

bool EventStream::open() const { return state_->is_open; }

} // namespace agenthost::docker::engine
