// Divides the journal's space among its callers. Half of the rows and bytes is split evenly among the callers
// of share_among(); the other half is first come, first served. Changes count at once, and are taken back
// with the transaction that made them.
//
// Pure. The journal's thread. Owned by JournalStore.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

class Shares {
public:
    Shares(std::uint64_t max_rows, std::uint64_t max_bytes) : max_rows_{max_rows}, max_bytes_{max_bytes} {}

    void share_among(const std::vector<std::string>& callers);
    void change(std::string_view caller, std::int64_t rows, std::int64_t bytes);
    void commit() { changes_.clear(); }
    void roll_back();

    // In the caller's own part, or in what nobody else has a part in.
    [[nodiscard]] bool has_space(std::string_view caller) const;
    // Why has_space() is false.
    [[nodiscard]] std::string no_space(std::string_view caller) const;

    [[nodiscard]] std::uint64_t rows() const { return rows_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    struct Usage {
        std::uint64_t rows = 0, bytes = 0;
        bool shares = false;
    };
    struct Change {
        Usage* usage;
        std::int64_t rows, bytes;
    };
    Usage& usage_of(std::string_view caller);
    void add(Usage&, std::int64_t rows, std::int64_t bytes);

    std::uint64_t max_rows_, max_bytes_;
    std::uint64_t rows_ = 0, bytes_ = 0;
    // Of the callers that this process has seen.
    std::map<std::string, Usage, std::less<>> usage_;
    std::uint64_t sharing_ = 0;
    // Of the open transaction.
    std::vector<Change> changes_;
};

} // namespace agenthost::host
