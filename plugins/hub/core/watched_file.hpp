// When a file that people edit is to be read again. Pure: told at each look what the file looks like (fingerprint(); empty: not there).
//
// One that changed since the last look may be half written: it is due at the next look, when it has kept still since. One that was
// read and found bad is due at every look, so that its problem is gone as soon as its cause is.
#pragma once

#include <string>
#include <utility>

namespace agenthost::hub {

class WatchedFile {
public:
    // true: read it now and tell the outcome by read().
    bool due(std::string looks)
    {
        const bool still = seen_ && last_ == looks;
        const bool first = !std::exchange(seen_, true);
        last_ = std::move(looks);
        if (last_ == good_ && !last_.empty()) problem_.clear(); // also when a bad one was there meanwhile
        return first || (still && (last_ != good_ || last_.empty()));
    }
    void read(std::string problem)
    {
        problem_ = std::move(problem);
        if (problem_.empty()) good_ = last_;
    }
    [[nodiscard]] const std::string& problem() const { return problem_; } // of the last time it was read

private:
    std::string last_, good_, problem_;
    bool seen_ = false;
};

} // namespace agenthost::hub
