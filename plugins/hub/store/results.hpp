// Bounds the bytes of results that ended tasks keep in the database. When they are more, the token that holds most of them loses the
// oldest ones, of its agent that holds most: neither one token nor one agent takes the room of others. The task stays and says that its
// result was dropped. Open tasks keep nothing here. On the store's thread.
#pragma once

#include "model.hpp"

#include "base/sqlite.hpp"

#include <cstdint>

namespace agenthost::hub {

std::uint64_t result_bytes(const TaskRecord&); // 0: the task is open
void drop_result(TaskRecord&);                 // what is left of it says how much there was

class StoredResults {
public:
    StoredResults(base::Database&, std::uint64_t max);

    void saved(std::uint64_t bytes) { total_ += bytes; }
    void trim(); // within the transaction that saved them

private:
    std::uint64_t measure();

    const std::uint64_t max_;
    std::uint64_t
        total_; // at least what there is: replaced and expired rows are counted until the next trim()
    base::Statement sums_, oldest_, drop_;
};

} // namespace agenthost::hub
