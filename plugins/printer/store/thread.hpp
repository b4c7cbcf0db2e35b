// The queue through which the printer loop uses the store: calls block, so they run on a thread of its own,
// in order.
// Calls that wait together are stored by one commit (one fsync).
//
// A commit that the disk refuses is tried again call by call: what only reads still works on a full disk, and
// no call fails because of another one.
//
// Final outcomes, and what else has a `keep`, are never lost to a full disk while the process lives: what the
// disk refused is kept and stored with the next commit that works, tried each second.
//
// Threads: any may call; `deliver` hands each result's function to the caller's loop. When the object is
// destroyed, waiting calls are carried out, and their results are dropped.
#pragma once

#include "store.hpp"

#include <condition_variable>
#include <functional>
#include <map>
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

    // `call` runs in the transaction; its result is valid if `done` gets no problem. The callers bound what waits:
    // a printer's queue counts a job's bytes from when it was not refused (job/queue.hpp).
    // The call runs again if a commit fails, and later if `keep` names it: of one name only the last is kept.
    void run(std::function<void(Store&)> call, Done done, std::string keep = {});
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
        std::string keep;
    };
    void work();
    void carry_out(std::vector<Call>&);
    std::optional<Problem> transact(const std::function<void()>& what);

    std::unique_ptr<Store> store_;
    const std::string file_;
    const Deliver deliver_;
    std::map<std::string, std::function<void(Store&)>> owed_; // this thread's: what the disk refused
    mutable std::mutex mutex_;
    std::condition_variable wake_, idle_;
    std::vector<Call> waiting_;
    bool stopping_ = false, busy_ = false;
    std::string trouble_;
    std::thread thread_;
};

} // namespace agenthost::printer::store
