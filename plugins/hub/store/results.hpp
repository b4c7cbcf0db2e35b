// Bounds the size of the results of ended tasks in the database. Beyond the bound, the token with the most
// bytes loses its oldest results, those of its agent with the most bytes, so that no token or agent takes the
// space of others. The task stays and records that its result was dropped. Open tasks have no results here.
// On the store's thread.
#pragma once

#include "model.hpp"

#include "base/sqlite.hpp"

#include <cstdint>

namespace agenthost::hub {

std::uint64_t result_bytes(const TaskRecord&); // 0: the task is open
void drop_result(TaskRecord&);                 // the record keeps the size of the dropped result

class StoredResults {
public:
    StoredResults(base::Database&, std::uint64_t max);

    void saved(std::uint64_t bytes) { total_ += bytes; }
    void trim(); // call within the transaction that saved the results

private:
    std::uint64_t measure();

    const std::uint64_t max_;
    std::uint64_t total_; // an upper bound: replaced and expired rows are counted until the next trim()
    base::Statement sums_, oldest_, drop_;
};

} // namespace agenthost::hub
