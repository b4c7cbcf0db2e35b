// The queue of commands: callers by fair shares (base/fair_shares.hpp); within one caller urgent before high
// before normal before low, and first come first served within each. Pure. Positions count from 1.
#pragma once

#include "base/fair_shares.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

// `caller` is the requesting server. Callers share places and slots fairly; a priority orders one caller's
// own commands, so that no server overtakes another by marking everything urgent.
template <class T> class Queue {
public:
    Queue(std::size_t concurrency, std::size_t capacity) : shares_{concurrency, capacity} {}

    void limits(std::size_t concurrency,
                std::size_t capacity) // waiting and running commands are not affected
    {
        shares_.limits(concurrency, capacity);
    }
    [[nodiscard]] std::size_t size() const { return shares_.waiting(); }
    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] std::size_t running() const { return shares_.running(); }

    // Starts without waiting if the caller has nothing in the queue and a slot is free for it. False: push
    // it.
    bool begin(const std::string& caller)
    {
        if (callers_.contains(caller) || !shares_.may_run(caller)) return false;
        shares_.begins(caller);
        shares_.served(caller);
        return true;
    }
    bool push(const std::string& caller, Priority priority, T what) // false: full
    {
        if (!shares_.may_wait(caller)) return false;
        callers_[caller][static_cast<std::size_t>(priority)].push_back(std::move(what));
        shares_.waits(caller);
        return true;
    }
    // The next command that may run now; it counts as running until ended().
    std::optional<T> next()
    {
        const auto at = first(shares_, callers_, [&](const auto& caller) { return shares_.may_run(caller); });
        if (at == callers_.end()) return std::nullopt;
        const std::string caller = at->first;
        shares_.begins(caller);
        shares_.served(caller);
        return take(at);
    }
    void ended(const std::string& caller) { shares_.ends(caller); }

    // Removes any waiting command, which then does not run.
    std::optional<T> pop()
    {
        if (callers_.empty()) return std::nullopt;
        return take(callers_.begin());
    }
    bool remove(const T& what)
    {
        for (auto at = callers_.begin(); at != callers_.end(); ++at)
            for (auto& line : at->second) {
                const auto found = std::find(line.begin(), line.end(), what);
                if (found == line.end()) continue;
                line.erase(found);
                left(at);
                return true;
            }
        return false;
    }
    // Calls fn(what, position) in the expected order of service; which command ends first is unknown.
    template <class F> void each(F fn) const
    {
        base::FairShares shares = shares_;
        std::map<std::string, std::vector<const T*>> rest; // the next one last
        for (const auto& [caller, lines] : callers_) {
            auto& list = rest[caller];
            for (const auto& line : lines)
                for (const T& what : line) list.push_back(&what);
            std::reverse(list.begin(), list.end());
        }
        for (std::size_t position = 1; !rest.empty(); ++position) {
            const auto at = first(shares, rest, [](const auto&) { return true; });
            fn(*at->second.back(), position);
            at->second.pop_back();
            shares.begins(at->first);
            shares.served(at->first);
            if (at->second.empty()) rest.erase(at);
        }
    }

private:
    using Lines = std::array<std::deque<T>, 4>; // by priority
    using Callers = std::map<std::string, Lines>;

    template <class Map, class May> static auto first(const base::FairShares& shares, Map& callers, May may)
    {
        auto best = callers.end();
        for (auto at = callers.begin(); at != callers.end(); ++at)
            if (may(at->first) && (best == callers.end() || shares.before(at->first, best->first))) best = at;
        return best;
    }
    T take(typename Callers::iterator at)
    {
        for (auto line = at->second.begin();; ++line) {
            if (line->empty()) continue;
            T what = std::move(line->front());
            line->pop_front();
            left(at);
            return what;
        }
    }
    void left(typename Callers::iterator at)
    {
        shares_.leaves(at->first);
        const auto& lines = at->second;
        if (std::all_of(lines.begin(), lines.end(), [](const auto& line) { return line.empty(); }))
            callers_.erase(at);
    }

    base::FairShares shares_;
    Callers callers_; // with something waiting
};

} // namespace agenthost::terminal
