// Remembers the results that the disk refused, until a later commit stores them. Until then repeats are
// answered from here.
//
// Pure. The journal's thread. Owned by JournalStore.
#pragma once

#include "types.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace agenthost::host {

class OwedResults {
public:
    // A disk that refuses takes no new work, so this many results were running when it began to.
    static constexpr std::size_t max_results = 4096;

    // A result without a row, or beyond the limit, is not remembered.
    void add(FinishedRow result)
    {
        const auto row = result.row;
        if (row != 0 && owed_.size() < max_results) owed_.insert_or_assign(row, std::move(result));
    }
    void replace(const FinishedRow& result)
    {
        if (const auto at = owed_.find(result.row); at != owed_.end()) at->second = result;
    }
    [[nodiscard]] const FinishedRow* find(std::uint64_t row) const
    {
        const auto at = owed_.find(row);
        return at == owed_.end() ? nullptr : &at->second;
    }
    [[nodiscard]] bool empty() const { return owed_.empty(); }

    // Calls `store` with each. They are forgotten by commit(), and kept by roll_back().
    template <class Store> void pay(Store store)
    {
        for (const auto& [row, result] : owed_) {
            store(result);
            paid_.push_back(row);
        }
    }
    void commit()
    {
        for (const auto row : paid_) owed_.erase(row);
        paid_.clear();
    }
    void roll_back() { paid_.clear(); }

private:
    // By row.
    std::unordered_map<std::uint64_t, FinishedRow> owed_;
    // In the open transaction.
    std::vector<std::uint64_t> paid_;
};

} // namespace agenthost::host
