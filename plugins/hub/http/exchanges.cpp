#include "exchanges.hpp"

#include "netclient/address_key.hpp"

#include <utility>

namespace agenthost::hub {

Exchanges::State* Exchanges::find(Conn conn)
{
    const auto it = open_.find(conn);
    return it == open_.end() ? nullptr : &it->second;
}

Exchange Exchanges::open(Conn conn)
{
    open_.try_emplace(conn);
    return {*this, conn};
}

void Exchanges::answer(Conn conn, Answer a)
{
    core_.host.record(Metric::requests, 1);
    if (a.status >= 400) core_.host.record(Metric::refused, 1);
    core_.strand.post([this, conn, a = std::move(a)] { host_.answer(conn, a); });
}

void Exchanges::refuse_upgrade(Conn conn, Answer a) { answer(conn, std::move(a)); }

void Exchanges::body(Conn conn, const BodyEnd& end)
{
    State* const state = find(conn);
    if (state == nullptr) return;
    state->on_progress = {};
    if (const auto then = std::exchange(state->on_body, {})) then(end);
}

bool Exchanges::progress(Conn conn, std::uint64_t landed)
{
    const State* const state = find(conn);
    if (state == nullptr || !state->on_progress) return true;
    const auto progressed = state->on_progress; // it may change the state
    return progressed(landed);
}

void Exchanges::closed(Conn conn)
{
    const auto node = open_.extract(conn);
    if (node && node.mapped().on_closed) node.mapped().on_closed();
}

void Exchanges::drain()
{
    for (auto& [conn, state] : open_) {
        if (const auto answer = std::exchange(state.on_drain, {})) answer();
    }
}

long Exchanges::failed(std::string_view peer)
{
    return throttle_.refused(netclient::address_key(peer), core_.now());
}

// ---- the handle ----

bool Exchange::there() const { return all_ != nullptr && all_->find(conn_) != nullptr; }

std::string Exchange::caller() const { return there() ? all_->find(conn_)->caller : std::string{}; }

void Exchange::set_caller(std::string subject) const
{
    if (there()) all_->find(conn_)->caller = std::move(subject);
}

void Exchange::answer(Answer a) const
{
    if (!there()) return;
    all_->find(conn_)->on_drain = {};
    all_->answer(conn_, std::move(a));
}

void Exchange::refuse(int status, std::string_view code, std::string_view message) const
{
    answer(error_answer(status, code, message));
}

void Exchange::busy(std::string_view why) const { answer(busy_answer(why)); }

void Exchange::begin(Answer head, std::uint64_t length) const
{
    if (!there()) return;
    all_->core_.host.record(Metric::requests, 1);
    all_->core_.strand.post([host = &all_->host_, conn = conn_, head = std::move(head), length] {
        host->begin(conn, head, length);
    });
}

agh_status Exchange::chunk(std::string_view bytes) const
{
    return all_ == nullptr ? AGH_E_STALE : all_->host_.chunk(conn_, bytes);
}

void Exchange::finish() const
{
    if (there()) all_->core_.strand.post([host = &all_->host_, conn = conn_] { host->finish(conn); });
}

void Exchange::cut(int code, std::string_view why) const
{
    if (there()) all_->core_.close(conn_, code, std::string{why});
}

void Exchange::receive(std::uint64_t max, std::function<void(const std::string&)> then) const
{
    if (!there()) return;
    all_->find(conn_)->on_body = [then = std::move(then)](const BodyEnd& end) {
        if (end.status == AGH_OK) then(end.data);
    };
    all_->core_.strand.post([host = &all_->host_, conn = conn_, max] { host->receive(conn, nullptr, max); });
}

void Exchange::receive(std::shared_ptr<SpoolFile> file, std::uint64_t max,
                       std::function<bool(std::uint64_t landed)> progress, Body ended) const
{
    if (!there()) return;
    Exchanges::State& state = *all_->find(conn_);
    state.on_progress = std::move(progress);
    state.on_body = std::move(ended);
    all_->core_.strand.post([host = &all_->host_, conn = conn_, file = std::move(file), max] {
        host->receive(conn, file.get(), max);
    });
}

void Exchange::on_drain(std::function<void()> then) const
{
    if (there()) all_->find(conn_)->on_drain = std::move(then);
}

void Exchange::on_closed(std::function<void()> then) const
{
    if (there()) all_->find(conn_)->on_closed = std::move(then);
}

void Exchange::keep(std::shared_ptr<const SpoolFile> file) const
{
    if (there()) all_->find(conn_)->sending = std::move(file);
}

} // namespace agenthost::hub
