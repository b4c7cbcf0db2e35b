// What waits to be sent on one connection: frames behind each other in one piece of memory, which is used again. No I/O.
//
// Bound: `bound` bytes (limits.send_queue). When they are reached: no commands are read until half is gone, output is refused,
// events push the oldest events out, progress keeps the latest of each command. Results are the answers to commands that were
// admitted: they may go to twice the bound.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::host {

class Outgoing {
public:
    explicit Outgoing(std::size_t bound) : bound_{bound} {}

    // `write(std::string& out)` appends one frame and says true, or appends nothing and says false; then so does this.
    // `row`: the journal's, told by sent(); 0 = none.
    template <class Write> bool add(Write&& write, std::uint64_t row = 0)
    {
        if (!write(filling_)) return false;
        filling_frames_.push_back({filling_.size(), row});
        return true;
    }
    void append(std::string_view frame);
    // At once when little waits; else kept aside until nothing else does. Returns how many events were dropped for it.
    std::size_t add_event(std::string frame);
    void add_progress(std::string_view id, std::string frame);
    void forget_progress(std::string_view id); // its command has ended

    // The next frame to send; empty: none. Stays valid until pop(), whatever is added.
    std::string_view front();
    std::uint64_t pop(); // returns the row of the frame that front() gave

    [[nodiscard]] std::size_t bytes() const { return filling_.size() + sending_.size() - sent_ + aside_; }
    [[nodiscard]] bool empty() const { return bytes() == 0; }
    [[nodiscard]] bool over() const { return bytes() > bound_; }
    [[nodiscard]] bool half_empty() const { return bytes() <= bound_ / 2; }
    [[nodiscard]] bool takes_output() const { return bytes() <= bound_ / 2; }
    [[nodiscard]] bool takes_results() const { return bytes() <= 2 * bound_; }
    void clear();

private:
    struct Frame {
        std::size_t end;
        std::uint64_t row;
    };
    void take_aside();
    // It leaves within milliseconds: no need to keep anything aside.
    [[nodiscard]] bool little_waits() const { return bytes() < std::min<std::size_t>(64 << 10, bound_ / 2); }

    std::size_t bound_;
    std::string filling_, sending_;
    std::vector<Frame> filling_frames_, sending_frames_;
    std::size_t next_ = 0, sent_ = 0; // in sending_frames_, in sending_
    std::deque<std::string> events_;
    std::vector<std::pair<std::string, std::string>> progress_; // id, frame
    std::size_t aside_ = 0;                                     // bytes of both
};

} // namespace agenthost::host
