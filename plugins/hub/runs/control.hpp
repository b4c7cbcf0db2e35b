// Sends interrupts, typed input and terminal sizes of a run to its agent. Under the hub's lock.
#pragma once

#include "run.hpp"

#include "base/json_writer.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/tasks/commands.hpp"
#include "plugins/hub/tasks/requests.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace agenthost::hub {

class RunControl {
public:
    using Then = Requests::Then;
    // nullptr: no such run.
    using Find = std::function<Run*(std::string_view id)>;
    struct Input {
        std::string data;
        bool base64 = false, eof = false;
        // The position of `data` in all input of the run. With it, the input may be sent again.
        std::optional<std::uint64_t> offset{};
    };

    RunControl(Core& core, Fanout& fanout, Commands& commands, Requests& requests, Find find)
        : core_{core}, fanout_{fanout}, commands_{commands}, requests_{requests}, find_{std::move(find)}
    {}

    // `then` is called exactly once, with COMMAND_NOT_FOUND if there is no such run or it is over. An agent
    // that has just received the command may not know it yet, or be busy: the request is repeated for about
    // two seconds.
    void interrupt(std::string_view id, bool force, Then) UNDER_LOCK;
    void input(std::string_view id, const Input&, Then) UNDER_LOCK;
    // A queued run has no terminal yet: the latest size is sent once it runs.
    void resize(std::string_view id, unsigned columns, unsigned rows, Then) UNDER_LOCK;

    // The run has a new state.
    void turned(const Run&) UNDER_LOCK;

private:
    // Adds to the parameters, after the command's id.
    using WriteMembers = std::function<void(base::JsonWriter&)>;
    void ask(std::string_view id, std::string_view action, const WriteMembers&, Then) UNDER_LOCK;
    void interrupt(const std::string& id, bool force, int tries, Then) UNDER_LOCK;

    // Attempts of one call, while the agent is still writing the command's row.
    static constexpr int max_interrupts = 40;
    static constexpr std::size_t max_interrupts_waiting = 1'024;
    static constexpr auto interrupt_again = std::chrono::milliseconds{50};

    Core& core_;
    Fanout& fanout_;
    Commands& commands_;
    Requests& requests_;
    const Find find_;
    // Columns and rows for queued runs. Bounded: an entry is removed when its run starts or ends.
    std::map<std::string, std::pair<unsigned, unsigned>> sizes_ GUARDED;
    std::size_t interrupts_waiting_ GUARDED = 0;
};

} // namespace agenthost::hub
