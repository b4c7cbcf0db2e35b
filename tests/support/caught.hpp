// A value that one thread leaves for another, who looks.
#pragma once

#include <mutex>
#include <utility>

namespace agenthost::test {

template <class T> class Caught {
public:
    void put(T value)
    {
        const std::lock_guard lock{mutex_};
        value_ = std::move(value);
    }
    [[nodiscard]] T get() const
    {
        const std::lock_guard lock{mutex_};
        return value_;
    }

private:
    mutable std::mutex mutex_;
    T value_{};
};

} // namespace agenthost::test
