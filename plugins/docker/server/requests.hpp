// Holds the power action that runs, and answers it once. Owned by the machine.
#pragma once

#include "effect_list.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace agenthost::docker::server {

// "start_server 17".
std::string describe(const Power&);

class Requests {
public:
    [[nodiscard]] const std::optional<Power>& running() const { return running_; }
    [[nodiscard]] bool answered() const { return answered_; }
    // It runs, and its caller waits.
    [[nodiscard]] bool pending() const { return running_ && !answered_; }

    // `number`: of the action (record.hpp). `answered`: while it waited for its turn.
    void begin(Power, std::uint64_t number, bool answered);
    void answer(Verdict, const Problem&, EffectList&);
    void end(Verdict, const Problem&, EffectList&);

private:
    std::optional<Power> running_;
    std::uint64_t number_ = 0;
    bool answered_ = false;
};

} // namespace agenthost::docker::server
