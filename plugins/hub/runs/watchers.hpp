// Tells watchers about runs: those that watch all runs, and those of one run until it ends. Not thread-safe:
// the hub's lock guards it. Bounded by its users: each watch belongs to a connection or a feature.
#pragma once

#include "run.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

// Callbacks of a watcher; each may be empty. Called under the lock, must not block. Slow watchers are not
// buffered: they skip chunks and read Run::output again from their position.
struct RunWatch {
    // Each new state.
    std::function<void(const Run&)> status;
    std::function<void(const Run&, const RunChunk&)> output;
    // A JSON array; observe() only.
    std::function<void(std::string_view agent, std::string_view queue)> queue;
};

class RunWatchers {
public:
    void observe(RunWatch all) { observers_.push_back(std::move(all)); }
    // Watches one run: kept output from position `from` on at once, then new output; status() from now on.
    // Returns the watch's number.
    std::uint64_t add(const Run&, std::uint64_t from, RunWatch);
    // Also allowed if it has ended.
    void remove(std::string_view run, std::uint64_t number);

    // The run has a new state; after the final one its watches are gone.
    void status(const Run&);
    void output(const Run&, const RunChunk&);
    void queue(std::string_view agent, std::string_view queue);

private:
    using Watches = std::map<std::uint64_t, std::shared_ptr<RunWatch>>;
    template <class Call> void each(const Run&, Call);

    std::vector<RunWatch> observers_;
    std::map<std::string, Watches, std::less<>> of_run_;
    std::uint64_t last_ = 0;
};

} // namespace agenthost::hub
