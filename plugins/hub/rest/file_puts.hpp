// PUTs of files that are on their way to an agent, or were there a moment ago: who waits for them, and which request repeats which.
//
// A repeat of a PUT (same agent and file, same content or Idempotency-Key) joins the one that runs, or gets the answer of the one that just
// succeeded; the agent is not told twice. Another content, a DELETE, or a command that may change the agent's files ends that. Bounds:
// `most` entries, `kept_for` after the end; only successes are kept. Under the hub's lock.
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
    Answer outcome; // when it is done
    Timers::Time ended{};
    std::set<Exchange> waiting;

    [[nodiscard]] bool same_content(const FilePut& other) const
    {
        return sha256 == other.sha256 && name == other.name && owner == other.owner;
    }
};

class FilePuts {
public:
    static constexpr std::size_t most = 4'096;
    static constexpr auto kept_for = std::chrono::minutes{5};
    using Ptr = std::shared_ptr<FilePut>;

    explicit FilePuts(Core& core) : core_{core} {}

    // The latest one of this file, when it still counts; nullptr: none.
    Ptr find(const std::string& agent, const std::string& file) UNDER_LOCK;
    void add(const Ptr&) UNDER_LOCK;
    void ended(const Ptr&, Answer outcome, bool success) UNDER_LOCK; // answers who waits
    void forget(const std::string& agent, const std::string& file) UNDER_LOCK;
    // Something else changes files of this agent: no outcome says any longer what is stored, not even of those that still run. Who waits
    // for one is still answered; the next PUT is sent.
    void forget_all(std::string_view agent) UNDER_LOCK;

private:
    static std::string name(std::string_view agent, std::string_view file);
    void make_room() UNDER_LOCK;

    Core& core_;
    std::unordered_map<std::string, Ptr> puts_ GUARDED;
};

} // namespace agenthost::hub
