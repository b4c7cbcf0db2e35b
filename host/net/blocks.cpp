#include "blocks.hpp"

#include <utility>
#include <vector>

namespace agenthost::host::net {
namespace {

// 1 MiB per thread.
constexpr std::size_t max_free = 16;

// A Stream in a static object may outlive its thread's list.
thread_local bool gone = false;

struct FreeList {
    // Reserves, so that returning a block never allocates.
    FreeList() { blocks.reserve(max_free); }
    ~FreeList() { gone = true; }
    std::vector<std::unique_ptr<char[]>> blocks;
};

FreeList& free_list()
{
    thread_local FreeList list;
    return list;
}

} // namespace

Block& Block::operator=(Block&& other) noexcept
{
    release();
    memory_ = std::move(other.memory_);
    return *this;
}

void Block::borrow()
{
    if (memory_) return;
    if (!gone && !free_list().blocks.empty()) {
        memory_ = std::move(free_list().blocks.back());
        free_list().blocks.pop_back();
    } else {
        // Not cleared: only received bytes are read.
        memory_.reset(new char[block_size]);
    }
}

void Block::release() noexcept
{
    if (!memory_) return;
    if (!gone && free_list().blocks.size() < max_free) free_list().blocks.push_back(std::move(memory_));
    memory_.reset();
}

} // namespace agenthost::host::net
