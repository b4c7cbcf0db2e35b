// Tracks PUTs of files that are running or have just succeeded: the callers that wait, and repeated requests.
//
// A repeated PUT (same agent and file, same content or Idempotency-Key) joins the running one, or gets the
// answer of one that just succeeded; the agent is asked only once. Different content, a DELETE, or a command
// that may change the agent's files ends that. Bounds: `max_puts` entries, `kept_for` after the end; only
// successes are kept. Under the hub's lock.
#pragma once

#include "plugins/hub/http/exchanges.hpp"
#include "plugins/hub/store/model.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

struct FilePut {
    std::string agent, file, key; // key: Idempotency-Key, may be empty
    std::optional<std::string> name, owner;
    std::string sha256; // of the content
    std::string task;
    bool done = false;
    Answer outcome; // once it is done
    Timers::Time ended{};
    std::set<Exchange> waiting;

    [[nodiscard]] bool same_content(const FilePut& other) const
    {
        return sha256 == other.sha256 && name == other.name && owner == other.owner;
    }
};

class FilePuts {
public:
    static constexpr std::size_t max_puts = 4'096;
    static constexpr auto kept_for = std::chrono::minutes{5};
    using Ptr = std::shared_ptr<FilePut>;

    explicit FilePuts(Core& core) : core_{core} {}

    // The latest PUT of this file, if it is still valid; nullptr: none.
    Ptr find(const std::string& agent, const std::string& file) UNDER_LOCK;
    void add(const Ptr&) UNDER_LOCK;
    void ended(const Ptr&, Answer outcome, bool success) UNDER_LOCK; // answers the waiting callers
    void forget(const std::string& agent, const std::string& file) UNDER_LOCK;
    // Something else may change files of this agent, so recorded outcomes, even of running PUTs, no longer
    // tell what is stored. Waiting callers are still answered; the next PUT is sent to the agent.
    void forget_all(std::string_view agent) UNDER_LOCK;

private:
    static std::string name(std::string_view agent, std::string_view file);
    void make_space() UNDER_LOCK;

    Core& core_;
    std::unordered_map<std::string, Ptr> puts_ GUARDED;
};

} // namespace agenthost::hub
