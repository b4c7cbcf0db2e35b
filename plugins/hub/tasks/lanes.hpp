// Knows which command an answer without an id belongs to. An agent that repeats no ids names at most the command's word in its answer,
// so two unanswered commands with the same word could not be told apart: the result of one would be reported as that of the other.
// Therefore a word that has been sent and not answered is held: no other command with it is sent, also when the task of the first one
// has ended meanwhile (timeout, cancellation). An answer that names the word releases it, as does the end of the session: such agents
// answer on the session that carried the command or, at the latest, `until` (lost()) on the next one.
//
// Bound: `most_words` words an agent; then all words are held. Pure; time is handed in. Not thread-safe: the hub's lock guards it.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class Lanes {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t most_words = 256;

    void sent(std::string_view agent, std::string_view word, std::string_view id);
    void not_sent(std::string_view agent, std::string_view id); // the connection had no room for it
    // Another command with this word must wait. The same one (`id`) may be sent again.
    [[nodiscard]] bool holds(std::string_view agent, std::string_view word, std::string_view id) const;
    // The id of the command that an answer belongs to, whose word is free again. Empty: none that could be known.
    std::string answered(std::string_view agent, std::string_view word);
    // The id of the only unanswered command; empty: there are several, or none. It stays unanswered.
    [[nodiscard]] std::string only(std::string_view agent) const;
    bool lost(std::string_view agent,
              Time until); // the session ended: words are held until then. false: none is
    void expire(std::string_view agent, Time now);
    // A command of an earlier process of the hub; two of them with one word are nobody's answer.
    void inherited(std::string_view agent, std::string_view word, std::string_view id, Time until);
    void forget(std::string_view agent); // it repeats ids after all, or was revoked

    [[nodiscard]] std::size_t agents() const { return agents_.size(); }

private:
    struct Sent {
        std::string id;
        Time until = Time::max();
    };
    using Words = std::map<std::string, Sent, std::less<>>;

    std::unordered_map<std::string, Words> agents_; // those with an unanswered command
};

} // namespace agenthost::hub
