// What power actions must lead to, without knowing when each ends: the state that a server is in after a
// burst of commands, and how often its container may have been started. An oracle for power_test; pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace agenthost::test {

enum class Answer { ok, busy, cancelled, other };

struct Command {
    std::string action; // start_server, stop_server, restart_server, kill_server
    Answer answer = Answer::other;
};

class PowerModel {
public:
    // All commands of a burst, in the order in which they were sent, with their answers. What is wrong with
    // these; empty: nothing.
    std::string burst(const std::vector<Command>& commands)
    {
        for (std::size_t i = 0; i < commands.size(); ++i) {
            std::string wrong = judge(commands, i);
            if (!wrong.empty()) return wrong;
            apply(commands, i);
        }
        return {};
    }
    [[nodiscard]] bool runs() const { return runs_; }
    // An action that a later kill of its burst may have ended may or may not have had its effect: its answer
    // said that it began.
    [[nodiscard]] int least_starts() const { return starts_; }
    [[nodiscard]] int most_starts() const { return starts_ + perhaps_; }

private:
    static bool starts(const Command& command)
    {
        return command.action == "start_server" || command.action == "restart_server";
    }
    static std::string judge(const std::vector<Command>& commands, std::size_t at)
    {
        const Command& command = commands[at];
        const std::string who = command.action + ", command " + std::to_string(at + 1) + " of its burst, ";
        if (command.answer == Answer::other) return who + "failed";
        const bool kill = command.action == "kill_server";
        if (kill && command.answer == Answer::busy) return who + "is BUSY, and kill never is";
        std::size_t accepted = 0;
        for (std::size_t i = 0; i < at; ++i) accepted += commands[i].answer == Answer::busy ? 0 : 1;
        if (command.answer == Answer::busy && accepted < 2)
            return who + "is BUSY with less than two before it";
        if (command.answer == Answer::cancelled && !kill_follows(commands, at))
            return who + "is CANCELLED without a kill after it";
        return {};
    }
    static bool kill_follows(const std::vector<Command>& commands, std::size_t at)
    {
        bool found = false;
        for (std::size_t i = at + 1; i < commands.size(); ++i)
            found = found || commands[i].action == "kill_server";
        return found;
    }
    void apply(const std::vector<Command>& commands, std::size_t at)
    {
        const Command& command = commands[at];
        if (command.answer == Answer::busy) return;
        if (command.action != "kill_server" && kill_follows(commands, at)) {
            if (starts(command)) ++perhaps_;
            if (command.action == "stop_server") runs_ = false; // and a kill follows
            return;
        }
        if (command.action == "restart_server" || (command.action == "start_server" && !runs_)) ++starts_;
        runs_ = starts(command);
    }

    bool runs_ = false;
    int starts_ = 0, perhaps_ = 0;
};

} // namespace agenthost::test
