// The send queue of one connection: consecutive frames in one reused buffer. No I/O.
//
// Bound: `bound` bytes (limits.send_queue). At the bound, no commands are read until half is sent, output is
// refused, new events replace the oldest ones, and only the latest progress of each command is kept. Results
// answer admitted commands, so they may use up to twice the bound.
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

    // `write(std::string& out)` appends one frame and returns true, or appends nothing and returns false;
    // this returns the same. `row`: the journal row, returned by sent(); 0: none.
    template <class Write> bool add(Write&& write, std::uint64_t row = 0)
    {
        if (!write(filling_)) return false;
        filling_frames_.push_back({filling_.size(), row});
        return true;
    }
    void append(std::string_view frame);
    // Queues the event at once if little is unsent; else keeps it aside until the queue is empty. Returns the
    // number of events dropped.
    std::size_t add_event(std::string frame);
    void add_progress(std::string_view id, std::string frame);
    // Its command has ended.
    void forget_progress(std::string_view id)
    {
        if (!progress_.empty()) erase_progress(id);
    }

    // The next frame to send; empty: none. Valid until pop(), even if frames are added.
    std::string_view front()
    {
        if (next_ == sending_frames_.size() && !refill()) return {};
        return {sending_.data() + sent_, sending_frames_[next_].end - sent_};
    }
    // Returns the row of front()'s frame.
    std::uint64_t pop()
    {
        const Frame& frame = sending_frames_[next_++];
        sent_ = frame.end;
        return frame.row;
    }

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
    void erase_progress(std::string_view id);
    // Makes what was added the frames to send. False: there are none.
    bool refill();
    void take_aside();
    // The queue is sent within milliseconds, so nothing need be kept aside.
    [[nodiscard]] bool little_waits() const { return bytes() < std::min<std::size_t>(64 << 10, bound_ / 2); }

    std::size_t bound_;
    std::string filling_, sending_;
    std::vector<Frame> filling_frames_, sending_frames_;
    std::size_t next_ = 0, sent_ = 0; // in sending_frames_, in sending_
    std::deque<std::string> events_;
    std::vector<std::pair<std::string, std::string>> progress_; // id, frame
    std::size_t aside_ = 0; // bytes of progress_ and the events kept aside
};

} // namespace agenthost::host
