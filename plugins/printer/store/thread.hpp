// The queue through which the printer loop uses the store: calls block, so they run on a thread of its own,
// in order.
// Calls that wait together are stored by one commit (one fsync).
//
// Final outcomes are never lost to a full disk while the process lives: those that the disk refused are kept
// and stored with the next commit that works, tried each second.
//
// Threads: any may call; `deliver` hands each result's function to the caller's loop. When the object is
// destroyed, waiting calls are carried out, and their results are dropped.
#pragma once

#include "store.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace agenthost::printer::store {

class StoreThread {
public:
    using Deliver = std::function<void(std::function<void()>)>;
    using Done = std::function<void(const std::optional<Problem>&)>;

    // `file`: for messages.
    StoreThread(std::unique_ptr<Store>, std::string file, Deliver);
    ~StoreThread();
    StoreThread(const StoreThread&) = delete;
    StoreThread& operator=(const StoreThread&) = delete;

    // `call` runs in the transaction; its result is valid if `done` gets no problem. At most 256 MiB of bytes
    // wait, which the callers' own bounds keep: a queue is refused before.
    void run(std::function<void(Store&)> call, Done done);
    // A row of a job; a final one is kept until the disk takes it.
    void save(job::JobId, const job::Progress&, Done done);
    // Waits until all earlier calls are done. For tests and shutdown.
    void flush();
    // Returns why the disk currently refuses writes, or "" if it accepts them. [any]
    [[nodiscard]] std::string trouble() const;

private:
    struct Call {
        std::function<void(Store&)> run;
        Done done;
        std::optional<std::pair<job::JobId, job::Progress>> final_row;
    };
    void work();
    void carry_out(std::vector<Call>&);
    void pay();

    std::unique_ptr<Store> store_;
    const std::string file_;
    const Deliver deliver_;
    std::vector<std::pair<job::JobId, job::Progress>>
        owed_; // this thread's: final rows that the disk refused
    mutable std::mutex mutex_;
    std::condition_variable wake_, idle_;
    std::vector<Call> waiting_;
    bool stopping_ = false, busy_ = false;
    std::string trouble_;
    std::thread thread_;
};

} // namespace agenthost::printer::store
