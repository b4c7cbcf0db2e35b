#include "owner.hpp"

#include "adapters.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace agenthost::printer::service {

namespace {

template <class... Functions> struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <class... Functions> Overloaded(Functions...) -> Overloaded<Functions...>;

} // namespace

Owner::Owner(std::string name, const job::Options& options, Parts parts)
    : name_{std::move(name)}, parts_{std::move(parts)}, machine_{options, std::make_unique<ParserTracker>()},
      look_{{.io = parts_.io,
             .model = options.model,
             .shared = !options.keep_open,
             .open = parts_.open,
             .released = [this] { looked(); }}},
      timer_{parts_.io}
{}

Owner::~Owner() = default;

template <class Input> void Owner::feed(Input input)
{
    job::Actions actions;
    input(job::Clock::now(), actions);
    if (machine_.current() != nullptr) look_.forget();
    if (look_.running() && !actions.empty()) {
        held_.insert(held_.end(), actions.begin(), actions.end());
        return look_.hurry();
    }
    for (const job::Action& action : actions) run(action);
}

void Owner::look(std::function<void()> done)
{
    if (idle() && machine_.phase() == job::Machine::Phase::idle)
        return look_.ask(link_.get(), std::move(done));
    boost::asio::post(parts_.io, std::move(done));
}

void Owner::looked()
{
    listen();
    for (const job::Action& action : std::exchange(held_, {})) run(action);
    if (machine_.current() != nullptr) look_.forget();
    parts_.changed();
}

const job::Condition& Owner::condition() const
{
    return idle() && look_.result() ? look_.result()->condition : machine_.condition();
}

void Owner::start(std::vector<job::Ticket> restored, std::optional<std::uint64_t> dirty)
{
    machine_.restore(std::move(restored), dirty);
    feed([&](job::Time now, job::Actions& out) { machine_.start(now, out); });
}

void Owner::add(const job::Ticket& ticket, job::Content content)
{
    feed([&](job::Time now, job::Actions& out) { machine_.add(ticket, std::move(content), now, out); });
}

bool Owner::cancel(job::JobId id)
{
    bool done = false;
    feed([&](job::Time now, job::Actions& out) { done = machine_.cancel(id, now, out); });
    return done || machine_.ending(id);
}

void Owner::wake()
{
    feed([&](job::Time now, job::Actions& out) { machine_.wake(now, out); });
}

void Owner::run(const job::Action& action)
{
    namespace act = job::act;
    const auto on_link = [this](auto input) {
        return [this, input, generation = generation_, alive = std::weak_ptr{alive_}](auto&&... values) {
            if (alive.expired() || generation != generation_) return;
            feed([&](job::Time now, job::Actions& out) { input(values..., now, out); });
        };
    };
    std::visit(
        Overloaded{
            [&](const act::Open&) { open(); }, [&](const act::Close&) { close(); },
            [&](const act::Write& write) {
                link_->write(write.bytes,
                             on_link([this](const Written& result, job::Time now, job::Actions& out) {
                                 machine_.written(result, now, out);
                             }));
            },
            [&](const act::CancelWrite&) { link_->cancel_write(); },
            [&](const act::Recover&) {
                link_->recover(on_link(
                    [this](bool ok, job::Time now, job::Actions& out) { machine_.recovered(ok, now, out); }));
            },
            [&](const act::Finish&) {
                link_->finish(on_link([this](bool clean, job::Time now, job::Actions& out) {
                    machine_.finished(clean, now, out);
                }));
            },
            [&](const act::AskPort&) {
                link_->port_status(
                    on_link([this](std::optional<std::uint8_t> status, job::Time now, job::Actions& out) {
                        machine_.port_status(status, now, out);
                    }));
            },
            [&](const act::Load& what) { load(what.id); }, [&](const act::Commit& row) { commit(row); },
            [&](const act::Mark& mark) {
                parts_.store.run([mark](store::Store& store) { store.mark(mark.id, mark.taken); }, nullptr);
            },
            [&](const act::Dirty& dirty) {
                parts_.store.run([name = name_, missing = dirty.missing](
                                     store::Store& store) { store.set_dirty(name, missing); },
                                 nullptr, "dirty " + name_);
            },
            [&](const act::Timer& timer) { set_timer(timer.in); },
            [&](const act::StopTimer&) {
                ++timer_turn_;
                timer_.cancel();
            },
            [&](const act::Ended& ended) { parts_.ended(ended.id, ended.progress); },
            [&](const act::Changed&) { parts_.changed(); }},
        action);
}

// Posted, as the destruction of a link is: a printer is busy while its link lives.
void Owner::open()
{
    boost::asio::post(parts_.io, [this, alive = std::weak_ptr{alive_}] {
        if (alive.expired()) return;
        parts_.open([this, alive](Opened result) {
            if (!alive.expired()) opened(std::move(result));
        });
    });
}

void Owner::opened(Opened result)
{
    if (result.error)
        return feed([&](job::Time now, job::Actions& out) { machine_.open_failed(*result.error, now, out); });
    link_ = std::move(result.link);
    const unsigned generation = ++generation_;
    const auto mine = [this, generation, alive = std::weak_ptr{alive_}] {
        return !alive.expired() && generation == generation_;
    };
    link_->on_gone([this, mine](const std::string& detail) {
        if (mine()) feed([&](job::Time now, job::Actions& out) { machine_.gone(detail, now, out); });
    });
    listen();
    const bool can_read = link_->can_read();
    feed([&](job::Time now, job::Actions& out) { machine_.opened(can_read, result.device, now, out); });
}

void Owner::listen()
{
    if (!link_ || !link_->can_read()) return;
    link_->read([this, generation = generation_, alive = std::weak_ptr{alive_}](Bytes bytes) {
        if (alive.expired() || generation != generation_) return;
        feed([&](job::Time now, job::Actions& out) { machine_.received(bytes, now, out); });
    });
}

// A link must not be destroyed inside of its own callback.
void Owner::close()
{
    ++generation_;
    if (!link_) return;
    closing_.push_back(std::move(link_));
    boost::asio::post(parts_.io, [this, alive = std::weak_ptr{alive_}] {
        if (!alive.expired()) closing_.clear();
    });
}

void Owner::commit(const job::act::Commit& row)
{
    parts_.store.save(
        row.id, row.progress,
        [this, id = row.id, alive = std::weak_ptr{alive_}](const std::optional<Problem>& problem) {
            if (alive.expired()) return;
            feed([&](job::Time now, job::Actions& out) { machine_.committed(id, problem, now, out); });
        });
}

void Owner::load(job::JobId id)
{
    const auto found = std::make_shared<job::Content>();
    parts_.store.run(
        [id, found](store::Store& store) {
            if (auto content = store.content(id))
                *found = std::make_shared<const std::string>(std::move(*content));
        },
        [this, id, found, alive = std::weak_ptr{alive_}](const std::optional<Problem>& trouble) {
            if (alive.expired()) return;
            feed([&](job::Time now, job::Actions& out) {
                if (*found) return machine_.loaded(id, *found, now, out);
                machine_.load_failed(
                    id, trouble ? *trouble : problem(code::store_damaged, "The bytes of the job are damaged"),
                    now, out);
            });
        });
}

void Owner::set_timer(std::chrono::milliseconds in)
{
    timer_.expires_after(in);
    timer_.async_wait(
        [this, turn = ++timer_turn_, alive = std::weak_ptr{alive_}](const boost::system::error_code& error) {
            if (error || alive.expired() || turn != timer_turn_) return;
            feed([&](job::Time now, job::Actions& out) { machine_.timer(now, out); });
        });
}

} // namespace agenthost::printer::service
