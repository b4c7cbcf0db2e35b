// Pages of memory that go back to the system when released, which malloc does not promise.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace agenthost::base {

class Buffer {
public:
    explicit Buffer(std::size_t size) : size_{size}
    {
        void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED) throw std::bad_alloc{};
        data_ = static_cast<char*>(pages);
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { ::munmap(data_, size_); }

    [[nodiscard]] char* data() const { return data_; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    char* data_ = nullptr;
    std::size_t size_;
};

} // namespace agenthost::base
