// Stores the first and the latest cause of a session's outage. An outage ends when a session is stable.
//
// No I/O. Main I/O thread. Owned by EndReason.
#pragma once

#include <cstdint>
#include <string>

namespace agenthost::host {

class Outage {
public:
    struct Cause {
        std::string why;
        std::int64_t at = 0; // UTC ms; 0: none
    };
    void failed(const std::string& why, std::int64_t now)
    {
        if (why.empty()) return;
        latest_ = {why, now};
        if (first_.at == 0) first_ = latest_;
    }
    void over() { first_ = latest_ = {}; }

    [[nodiscard]] const Cause& first() const { return first_; }
    [[nodiscard]] const Cause& latest() const { return latest_; }

private:
    Cause first_, latest_;
};

} // namespace agenthost::host
