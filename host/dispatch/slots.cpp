#include "slots.hpp"

namespace agenthost::host {

bool Slots::grow()
{
    const auto first = static_cast<std::uint32_t>(owned_.size()) * chunk_size;
    if (first >= max_slots) return false;
    owned_.push_back(std::make_unique<Chunk>());
    chunks_[first / chunk_size].store(owned_.back().get(), std::memory_order_release);
    for (std::uint32_t i = chunk_size; i-- > 0;) free_.push_back(first + i);
    return true;
}

void Slots::clear_flow(Slot& slot)
{
    const std::lock_guard lock{flow_mutex(slot.request.id)};
    slot.flow_used.store(false);
    slot.flow.reset();
}

std::string Slots::caller_of(agh_req id) const
{
    const Slot* slot = at(id);
    if (!slot) return {};
    // A name is retired only after its last request left its slot: it is not freed while a reader is counted
    // that saw the slot's word before that.
    readers_.fetch_add(1);
    std::string name;
    const std::uint64_t word = slot->word.load();
    if (word >> 8 == id >> 16 && (word & Slot::open)) {
        const std::string* pointer = slot->caller.load();
        // The pointer may be the next request's.
        const std::uint64_t again = slot->word.load();
        if (pointer && again >> 8 == id >> 16) name = *pointer;
    }
    readers_.fetch_sub(1);
    return name;
}

} // namespace agenthost::host
