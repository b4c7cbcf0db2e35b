// Holds the running requests: 65,536 slots with 64-bit ids that contain a generation. A plugin's thread reads
// and claims a slot's word; everything else of a request belongs to the main thread.
//
// id = generation << 16 | index, never 0. word = generation << 8 | flags. One compare-and-swap decides which
// thread completes a request.
//
// Main thread or any thread, as the sections below say. Owned by Core.
#pragma once

#include "request.hpp"

#include <agenthost/abi.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace agenthost::host {

struct Slot {
    static constexpr std::uint64_t open = 1, claimed = 2, cancelled = 4, deadline = 8;

    // Any thread.
    std::atomic<std::uint64_t> word{1 << 8};
    // The plugin's id; the registry never frees it.
    std::atomic<const std::string*> owner{nullptr};
    // See Slots::caller_of.
    std::atomic<const std::string*> caller{nullptr};
    std::atomic<std::uint8_t> depth{0};
    std::atomic<bool> flow_used{false};
    // Any thread, under Slots::flow_mutex().
    std::unique_ptr<Flow> flow;
    // Main thread.
    Request request;
};

class Slots {
public:
    static constexpr std::uint32_t max_slots = 65'536;

    // Main thread.
    // Sets request.id. nullptr: all are in use.
    Slot* acquire()
    {
        if (free_.empty() && !grow()) return nullptr;
        const std::uint32_t index = free_.back();
        free_.pop_back();
        ++in_use_;
        Slot& slot = *at(index);
        slot.request.index = index;
        slot.request.id = (slot.word.load(std::memory_order_relaxed) >> 8) << 16 | index;
        return &slot;
    }
    void open(Slot& slot)
    {
        const std::uint64_t generation = slot.word.load(std::memory_order_relaxed) & ~std::uint64_t{0xff};
        slot.word.store(generation | Slot::open, std::memory_order_release);
    }
    // Of a request that is claimed or was never opened, so that nothing can be added to its flow: stream()
    // sets flow_used before it looks for a claim, and the claim comes before flow_used is read here.
    void release(Slot& slot)
    {
        const std::uint64_t generation = slot.word.load(std::memory_order_relaxed) >> 8;
        slot.word.store((generation + 1) << 8, std::memory_order_release);
        if (slot.flow_used.load()) clear_flow(slot);
        free_.push_back(slot.request.index);
        slot.request.id = 0;
        --in_use_;
    }
    [[nodiscard]] std::uint32_t in_use() const { return in_use_; }
    // nullptr: it has ended, or never was.
    [[nodiscard]] Slot* find(agh_req id) const
    {
        Slot* slot = at(id);
        return slot && slot->request.id == id ? slot : nullptr;
    }

    // Any thread.
    [[nodiscard]] Slot* at(agh_req id) const
    {
        const auto index = static_cast<std::uint32_t>(id & 0xffff);
        Chunk* chunk = chunks_[index / chunk_size].load(std::memory_order_acquire);
        return chunk ? &(*chunk)[index % chunk_size] : nullptr;
    }
    // The flags, if the request is open, unclaimed and the plugin's own; otherwise 0.
    static std::uint64_t look(const Slot& slot, agh_req id, std::string_view plugin)
    {
        const std::uint64_t word = slot.word.load();
        if (!is_running(word, id)) return 0;
        const std::string* owner = slot.owner.load(std::memory_order_acquire);
        return owner && *owner == plugin ? word & 0xff : 0;
    }
    // Claims the right to complete the request. Returns the previous flags, or 0 if another thread has
    // claimed it or the request does not exist.
    static std::uint64_t claim(Slot& slot, agh_req id) { return add_flag(slot, id, Slot::claimed); }
    // Adds a flag; false if the request is claimed.
    static bool mark(Slot& slot, agh_req id, std::uint64_t flag) { return add_flag(slot, id, flag) != 0; }
    [[nodiscard]] std::string caller_of(agh_req id) const;
    std::mutex& flow_mutex(agh_req id) { return flow_mutexes_[id % flow_mutexes_.size()]; }

    // Takes a caller's name that slots may still point to, and frees it when no thread is reading. Main
    // thread.
    void retire_name(std::unique_ptr<const std::string> name) { retired_.push_back(std::move(name)); }
    void free_retired()
    {
        // The addition of 0: a reader that is not counted yet sees the words as they are now.
        if (!retired_.empty() && readers_.fetch_add(0) == 0) retired_.clear();
    }

private:
    static constexpr std::uint32_t chunk_size = 64;
    using Chunk = std::array<Slot, chunk_size>;

    static bool is_running(std::uint64_t word, agh_req id)
    {
        return word >> 8 == id >> 16 && (word & (Slot::open | Slot::claimed)) == Slot::open;
    }
    // The flags before; 0: it is not running.
    static std::uint64_t add_flag(Slot& slot, agh_req id, std::uint64_t flag)
    {
        std::uint64_t word = slot.word.load(std::memory_order_acquire);
        do {
            if (!is_running(word, id)) return 0;
        } while (!slot.word.compare_exchange_weak(word, word | flag, std::memory_order_seq_cst,
                                                  std::memory_order_acquire));
        return word & 0xff;
    }
    bool grow();
    void clear_flow(Slot&);

    std::array<std::atomic<Chunk*>, max_slots / chunk_size> chunks_{};
    std::vector<std::unique_ptr<Chunk>> owned_;
    std::vector<std::uint32_t> free_;
    std::uint32_t in_use_ = 0;
    std::array<std::mutex, 64> flow_mutexes_;
    mutable std::atomic<int> readers_{0};
    std::vector<std::unique_ptr<const std::string>> retired_;
};

} // namespace agenthost::host
