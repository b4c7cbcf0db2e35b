#include "slots.hpp"

namespace agenthost::host {

Slot* Slots::acquire()
{
    if (free_.empty()) {
        const auto first = static_cast<std::uint32_t>(owned_.size()) * chunk_size;
        if (first >= max_slots) return nullptr;
        owned_.push_back(std::make_unique<Chunk>());
        chunks_[first / chunk_size].store(owned_.back().get(), std::memory_order_release);
        for (std::uint32_t i = chunk_size; i-- > 0;) free_.push_back(first + i);
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    ++in_use_;
    Slot& slot = (*owned_[index / chunk_size])[index % chunk_size];
    slot.request.index = index;
    slot.request.id = (slot.word.load(std::memory_order_relaxed) >> 8) << 16 | index;
    return &slot;
}

void Slots::open(Slot& slot)
{
    slot.word.store((slot.word.load(std::memory_order_relaxed) & ~std::uint64_t{0xff}) | Slot::open,
                    std::memory_order_release);
}

void Slots::release(Slot& slot)
{
    // The new generation is visible before the flow is checked, and stream() sets flow_used before it reads
    // the word: either it sees the new generation, or its bytes are cleared here.
    slot.word.store(((slot.word.load(std::memory_order_relaxed) >> 8) + 1) << 8);
    if (slot.flow_used.load()) {
        const std::lock_guard lock{flow_mutex(slot.request.id)};
        slot.flow_used.store(false);
        slot.flow.reset();
    }
    free_.push_back(slot.request.index);
    slot.request.id = 0;
    --in_use_;
}

std::uint64_t Slots::look(const Slot& slot, agh_req id, std::string_view plugin)
{
    const std::uint64_t word = slot.word.load();
    if (word >> 8 != id >> 16 || (word & (Slot::open | Slot::claimed)) != Slot::open) return 0;
    const std::string* owner = slot.owner.load(std::memory_order_acquire);
    return owner && *owner == plugin ? word & 0xff : 0;
}

std::uint64_t Slots::claim(Slot& slot, agh_req id)
{
    std::uint64_t word = slot.word.load(std::memory_order_acquire);
    do {
        if (word >> 8 != id >> 16 || (word & (Slot::open | Slot::claimed)) != Slot::open) return 0;
    } while (!slot.word.compare_exchange_weak(word, word | Slot::claimed, std::memory_order_seq_cst,
                                              std::memory_order_acquire));
    return word & 0xff;
}

bool Slots::mark(Slot& slot, agh_req id, std::uint64_t flag)
{
    std::uint64_t word = slot.word.load(std::memory_order_acquire);
    do {
        if (word >> 8 != id >> 16 || (word & (Slot::open | Slot::claimed)) != Slot::open) return false;
    } while (!slot.word.compare_exchange_weak(word, word | flag, std::memory_order_seq_cst,
                                              std::memory_order_acquire));
    return true;
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
