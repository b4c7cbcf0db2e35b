#include "ring_store.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>

namespace agenthost::docker::console {

namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds open_again{5}, trouble_again{60};

} // namespace

// Results from the pool hold it weakly. `disk` lives until the work on the pool is done.
struct RingStore::State : std::enable_shared_from_this<State> {
    // Used on its strand only.
    struct Disk {
        explicit Disk(const asio::any_io_executor& pool) : strand{asio::make_strand(pool)} {}
        asio::strand<asio::any_io_executor> strand;
        std::unique_ptr<Ring> ring;
    };

    State(asio::io_context& context, const asio::any_io_executor& pool, std::filesystem::path f, Handlers h)
        : io{context}, disk{std::make_shared<Disk>(pool)}, folder{std::move(f)}, handlers{std::move(h)},
          timer{context}
    {}

    asio::io_context& io;
    std::shared_ptr<Disk> disk;
    std::filesystem::path folder;
    Handlers handlers;
    asio::steady_timer timer;
    Intake intake;
    std::deque<Batch> ready;       // older than what the intake has
    std::size_t waiting_bytes = 0; // in `ready` and on the pool
    bool open = false, writing = false, flush_posted = false, was_full = false, closed = false;
    std::optional<Clock::time_point> trouble_at;

    // Runs `work(Disk&)` on the pool, then `then(State&, result)` here, if this still exists.
    template <class Work, class Then> void on_disk(Work work, Then then)
    {
        asio::post(disk->strand, [on = disk, weak = weak_from_this(), executor = io.get_executor(),
                                  work = std::move(work), then = std::move(then)]() mutable {
            auto result = work(*on);
            asio::post(executor, [weak, then = std::move(then), result = std::move(result)]() mutable {
                if (const auto self = weak.lock()) then(*self, std::move(result));
            });
        });
    }

    void open_ring();
    void report(const std::string& why);
    [[nodiscard]] std::size_t size() const { return waiting_bytes + intake.size(); }
    void post_flush();
    void collect();
    void flush();
};

void RingStore::State::open_ring()
{
    struct Opened {
        std::optional<Mark> mark;
        std::string why;
    };
    on_disk(
        [name = folder](Disk& on) {
            Opened out;
            on.ring = Ring::open(name, out.why);
            if (on.ring) out.mark = on.ring->mark();
            return out;
        },
        [](State& self, Opened opened) {
            if (self.closed) return;
            if (opened.mark) {
                self.open = true;
                self.intake = Intake{*opened.mark};
                if (self.handlers.on_open) self.handlers.on_open();
                return;
            }
            self.report(opened.why);
            self.timer.expires_after(open_again);
            self.timer.async_wait([weak = self.weak_from_this()](boost::system::error_code cancelled) {
                const auto state = weak.lock();
                if (!cancelled && state && !state->closed) state->open_ring();
            });
        });
}

void RingStore::State::report(const std::string& why)
{
    const auto now = Clock::now();
    if (trouble_at && now - *trouble_at < trouble_again) return;
    trouble_at = now;
    if (handlers.on_trouble) handlers.on_trouble(why);
}

// Everything that arrives in one read of the socket becomes one batch.
void RingStore::State::post_flush()
{
    if (intake.size() >= batch_size) collect();
    if (std::exchange(flush_posted, true)) return;
    asio::post(io, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->flush_posted = false;
        self->flush();
    });
}

void RingStore::State::collect()
{
    if (intake.size() == 0) return;
    ready.push_back(intake.take());
    waiting_bytes += ready.back().packed.size();
}

void RingStore::State::flush()
{
    if (writing) return;
    if (ready.empty()) collect();
    if (ready.empty()) return;
    writing = true;
    struct Write {
        Batch batch;
        bool stored = false;
        std::string why;
    };
    Write write{std::move(ready.front()), false, {}};
    ready.pop_front();
    on_disk(
        [write = std::move(write)](Disk& on) mutable {
            if (on.ring) write.stored = on.ring->append(write.batch, write.why);
            return std::move(write);
        },
        [](State& self, const Write& written) {
            self.writing = false;
            self.waiting_bytes -= written.batch.packed.size();
            self.flush();
            if (self.closed) return;
            if (!written.stored) self.report(written.why);
            if (!self.closed && self.handlers.on_stored) self.handlers.on_stored(written.batch);
            if (self.was_full && !self.closed && self.size() < max_waiting / 2) {
                self.was_full = false;
                if (self.handlers.on_room) self.handlers.on_room();
            }
        });
}

RingStore::RingStore(asio::io_context& io, const asio::any_io_executor& pool, std::filesystem::path folder,
                     Handlers handlers)
    : state_{std::make_shared<State>(io, pool, std::move(folder), std::move(handlers))}
{
    state_->open_ring();
}

RingStore::~RingStore()
{
    if (!state_->closed) close({});
}

bool RingStore::is_open() const { return state_->open; }

engine::LogPosition RingStore::begin(std::string_view container, bool podman)
{
    return state_->intake.begin(container, podman);
}

void RingStore::part(const engine::LogPart& part, const Intake::Visit& visit)
{
    state_->intake.part(part, visit);
    state_->post_flush();
}

void RingStore::gap(std::int64_t stamp_ns)
{
    state_->intake.gap(stamp_ns);
    state_->post_flush();
}

bool RingStore::full() const
{
    const bool full = state_->size() >= max_waiting;
    state_->was_full = state_->was_full || full;
    return full;
}

void RingStore::read(const Query& query, std::function<void(Page)> then)
{
    state_->on_disk([query](State::Disk& on) { return on.ring ? on.ring->read(query) : Page{}; },
                    [then = std::move(then)](const State& self, Page page) {
                        if (!self.closed) then(std::move(page));
                    });
}

namespace {

using Visit = std::function<bool(const Item&, const std::string& container)>;

bool found_in(const Batch& batch, const Visit& visit)
{
    std::string container = batch.before.container;
    std::string_view packed = batch.packed;
    while (const auto item = unpack(packed)) {
        if (item->kind == Item::Kind::container)
            container = item->text;
        else if (visit(*item, container))
            return true;
    }
    return false;
}

} // namespace

void RingStore::find(Visit visit, std::function<void(bool)> then)
{
    State& state = *state_;
    // Waiting entries reach the ring after this read; entries that are being written reach it before.
    state.collect();
    const bool here = std::any_of(state.ready.begin(), state.ready.end(),
                                  [&](const Batch& batch) { return found_in(batch, visit); });
    state.flush();
    state.on_disk(
        [visit = std::move(visit), here](const State::Disk& on) {
            bool found = here;
            if (!found && on.ring)
                on.ring->each(0, [&](std::uint64_t, const Item& item, const std::string& container) {
                    return !(found = visit(item, container));
                });
            return found;
        },
        [then = std::move(then)](const State& self, bool found) {
            if (!self.closed) then(found);
        });
}

void RingStore::close(std::function<void()> then)
{
    State& state = *state_;
    state.closed = true;
    state.timer.cancel();
    if (state.open) state.collect();
    // The posted work does not need this object.
    asio::post(state.disk->strand, [on = state.disk, batches = std::exchange(state.ready, {}),
                                    executor = state.io.get_executor(), then = std::move(then)]() mutable {
        std::string ignored; // nobody listens; the engine's log has what could not be stored
        bool good = on->ring != nullptr;
        for (const Batch& batch : batches) good = good && on->ring->append(batch, ignored);
        on->ring.reset();
        if (then) asio::post(executor, std::move(then));
    });
}

} // namespace agenthost::docker::console
