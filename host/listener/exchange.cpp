#include "exchange.hpp"

namespace agenthost::host::listener {

bool Exchange::reserve(std::size_t n)
{
    std::size_t now = queued.load();
    do {
        if (now != 0 && now + n > max_queued.load()) return false;
    } while (!queued.compare_exchange_weak(now, now + n));
    return true;
}

void Exchange::notify_writable()
{
    if (half_empty() && blocked.exchange(false)) call(&agh_route_api::on_writable);
}

void ExchangeTable::add(const ExchangePtr& exchange)
{
    const std::scoped_lock lock{mutex_};
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::uint32_t at = free_.back();
    free_.pop_back();
    slots_[at].exchange = exchange;
    exchange->id = (std::uint64_t{slots_[at].generation} << 32) | at;
}

void ExchangeTable::remove(agh_conn id)
{
    // Destroyed after the lock is released, perhaps with its connection.
    ExchangePtr last;
    const std::scoped_lock lock{mutex_};
    const auto at = static_cast<std::uint32_t>(id);
    if (at >= slots_.size() || slots_[at].generation != id >> 32 || !slots_[at].exchange) return;
    last = std::move(slots_[at].exchange);
    if (++slots_[at].generation == 0) slots_[at].generation = 1;
    free_.push_back(at);
}

ExchangePtr ExchangeTable::find(agh_conn id) const
{
    const std::scoped_lock lock{mutex_};
    const auto at = static_cast<std::uint32_t>(id);
    if (at >= slots_.size() || slots_[at].generation != id >> 32) return nullptr;
    return slots_[at].exchange;
}

std::vector<ExchangePtr> ExchangeTable::of(const Owner* owner) const
{
    std::vector<ExchangePtr> found;
    const std::scoped_lock lock{mutex_};
    for (const Slot& slot : slots_) {
        if (slot.exchange && slot.exchange->route->owner.get() == owner) found.push_back(slot.exchange);
    }
    return found;
}

} // namespace agenthost::host::listener
