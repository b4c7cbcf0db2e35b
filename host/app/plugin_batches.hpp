// Collects the plugins' answers to the requests of each start or reload, and reports the result when all have
// answered. Owned by PluginSet. Bound: max_batches. Main I/O thread.
#pragma once

#include "host/plugin/machine.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace agenthost::host {

// The result of a start or a reload, one sentence each.
struct PluginChanges {
    std::vector<std::string> changes;
    std::vector<std::string> notices;         // required manual actions: restart the daemon for a new library
    std::vector<std::string> failed;          // plugins that do not run, or run with their old configuration
    std::vector<std::string> required_failed; // those of them that must run
};

class PluginBatches {
public:
    static constexpr std::size_t max_batches = 32;
    using Waiter = PluginMachine::Waiter;
    using Done = std::function<void(const PluginChanges&)>;
    using Answered = std::function<void(const std::string& id, const PluginMachine::Answer&)>;
    // Returns what a person must do about a plugin after its answer, or an empty string.
    using Notice = std::function<std::string(const std::string& id)>;

    class Batch {
    public:
        void require(const std::string& id) { required_.insert(id); }
        void add_failed(std::string text) { changes_.failed.push_back(std::move(text)); }

    private:
        friend PluginBatches;
        PluginChanges changes_;
        std::set<std::string> required_;
        std::size_t left_ = 1; // requests without an answer; one until close()
        Done done_;
    };

    explicit PluginBatches(Notice notice) : notice_{std::move(notice)} {}

    // Returns null if too many batches are open.
    std::shared_ptr<Batch> open(Done);
    // All requests of the batch have been made.
    void close(Batch& batch) { finish_one(batch); }

    // A request whose answer counts for the batch.
    Waiter expect(const std::shared_ptr<Batch>&);
    // Any other request.
    Waiter expect(Answered);
    void answer(const std::string& id, const PluginMachine::Answer&);

private:
    void add(Batch&, const std::string& id, const PluginMachine::Answer&);
    void finish_one(Batch&);

    const Notice notice_;
    std::map<Waiter, Answered> waiters_;
    Waiter last_waiter_ = 0;
    std::size_t open_ = 0;
};

} // namespace agenthost::host
