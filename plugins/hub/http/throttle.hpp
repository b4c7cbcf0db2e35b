// Counts rejected attempts per address: after a burst, further ones must wait. Valid credentials are never
// checked here. Pure; the caller passes the time. Not thread-safe. Addresses are keys of
// netclient/address_key.hpp.
//
// Bounded: beyond `max_addresses` the address with the oldest last failure is forgotten.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace agenthost::hub {

class Throttle {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr int burst = 10; // failures at once
    // One failure is forgiven after this time: 10 a minute.
    static constexpr auto refill = std::chrono::seconds{6};
    static constexpr std::size_t max_addresses = 10'000;

    // Seconds until this address may try again; 0: now.
    [[nodiscard]] long wait(std::string_view address, Time now) const
    {
        const auto it = entries_.find(std::string{address});
        if (it == entries_.end()) return 0;
        const auto over = it->second->debt_until - now - (burst - 1) * refill;
        return over.count() <= 0 ? 0 : std::chrono::ceil<std::chrono::seconds>(over).count();
    }
    void failed(std::string_view address, Time now)
    {
        const auto it = entries_.find(std::string{address});
        Entry entry{std::string{address}, now};
        if (it != entries_.end()) {
            entry.debt_until = std::max(now, it->second->debt_until);
            order_.erase(it->second);
            entries_.erase(it);
        } else if (order_.size() >= max_addresses) {
            entries_.erase(order_.front().address);
            order_.pop_front();
        }
        entry.debt_until += refill;
        order_.push_back(std::move(entry));
        entries_.emplace(order_.back().address, std::prev(order_.end()));
    }

    // Counts a rejected attempt. Returns 0 to answer with the reason, or the seconds until that is possible
    // again.
    long refused(std::string_view address, Time now)
    {
        const long left = wait(address, now);
        if (left == 0) failed(address, now);
        return left;
    }

private:
    struct Entry {
        std::string address;
        Time debt_until; // every failure pushes it on by `refill`
    };
    std::list<Entry> order_; // by last failure
    std::unordered_map<std::string, std::list<Entry>::iterator> entries_;
};

} // namespace agenthost::hub
