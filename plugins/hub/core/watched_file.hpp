// Decides when to reread a file that people edit. Pure: each poll passes the file's fingerprint() (empty:
// missing).
//
// A file that changed since the last poll may be half written, so it is due at the next poll without a
// further change. A file that was invalid is due at every poll, so that its problem is cleared as soon as it
// is fixed.
#pragma once

#include <string>
#include <utility>

namespace agenthost::hub {

class WatchedFile {
public:
    // true: read it now and report the outcome to read().
    bool due(std::string looks)
    {
        const bool still = seen_ && last_ == looks;
        const bool first = !std::exchange(seen_, true);
        last_ = std::move(looks);
        if (last_ == good_ && !last_.empty()) problem_.clear(); // even if it was invalid in between
        return first || (still && (last_ != good_ || last_.empty()));
    }
    void read(std::string problem)
    {
        problem_ = std::move(problem);
        if (problem_.empty()) good_ = last_;
    }
    [[nodiscard]] const std::string& problem() const { return problem_; } // from the last read

private:
    std::string last_, good_, problem_;
    bool seen_ = false;
};

} // namespace agenthost::hub
