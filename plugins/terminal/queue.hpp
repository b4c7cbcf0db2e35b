// Who waits, and in which order: urgent before high before normal before low, first come first served within each. Pure; bounded by its
// capacity. Positions count from 1.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

namespace agenthost::terminal {

enum class Priority : std::uint8_t { urgent, high, normal, low };

inline const char* name(Priority priority)
{
    constexpr std::array names{"urgent", "high", "normal", "low"};
    return names[static_cast<std::size_t>(priority)];
}
inline std::optional<Priority> priority(std::string_view text)
{
    for (const Priority p : {Priority::urgent, Priority::high, Priority::normal, Priority::low})
        if (text == name(p)) return p;
    return std::nullopt;
}

template <class T> class Queue {
public:
    explicit Queue(std::size_t capacity) : capacity_{capacity} {}

    void capacity(std::size_t most) { capacity_ = most; } // what waits already stays
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] std::size_t size() const
    {
        std::size_t n = 0;
        for (const auto& line : lines_) n += line.size();
        return n;
    }
    [[nodiscard]] bool empty() const { return size() == 0; }

    bool push(Priority priority, T what) // false: full
    {
        if (size() >= capacity_) return false;
        lines_[static_cast<std::size_t>(priority)].push_back(std::move(what));
        return true;
    }
    std::optional<T> pop()
    {
        for (auto& line : lines_) {
            if (line.empty()) continue;
            T first = std::move(line.front());
            line.pop_front();
            return first;
        }
        return std::nullopt;
    }
    bool remove(const T& what)
    {
        for (auto& line : lines_) {
            const auto found = std::find(line.begin(), line.end(), what);
            if (found == line.end()) continue;
            line.erase(found);
            return true;
        }
        return false;
    }
    // fn(what, position) in order.
    template <class F> void each(F fn) const
    {
        std::size_t position = 0;
        for (const auto& line : lines_)
            for (const T& what : line) fn(what, ++position);
    }

private:
    std::array<std::deque<T>, 4> lines_;
    std::size_t capacity_;
};

} // namespace agenthost::terminal
