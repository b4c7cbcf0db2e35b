// Frames on their way to one dashboard that may be slower than what it watches. What the daemon's send queue has no room for waits
// here: output at most `most_output`, then the oldest of it is dropped and the next frame of that run says how much; the other frames
// at most `most_other`, then the dashboard is closed. It never holds up anybody else.
//
// Lives in the hub's outbox: every call comes from there, one at a time, without the hub's lock. So frames keep their order.
#pragma once

#include "plugins/hub/core/core.hpp"

#include "wire/dashboard/desk.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::hub {

using Text = std::shared_ptr<const std::string>; // one encoding for all who are told the same

class Outlet {
public:
    static constexpr std::size_t most_output = 100U << 10, most_other = 2U << 20;

    Outlet(Host& host, Conn conn) : host_{host}, conn_{conn} {}

    void send(Text frame); // a whole one
    void send_list(
        Text frame); // one that makes an earlier one worthless: it takes the place of one that still waits
    // A frame of a run that lacks its end (wire::desk::write_output_end): output of `bytes`, with `dropped` before it; or, with
    // `output` false, the run's last word.
    struct OfRun {
        Text frame, run;
        std::uint64_t bytes = 0, dropped = 0;
        bool output = true, list = false;
    };
    void send(OfRun);
    void writable(); // the daemon has room again
    void close(int code, std::string reason);

    [[nodiscard]] std::size_t waiting() const { return output_ + other_; } // bytes
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }       // of output, in all

private:
    void push(OfRun);
    bool pass(const OfRun&);
    void drop_oldest();

    Host& host_;
    const Conn conn_;
    std::deque<OfRun> waiting_;                              // without `run`: a whole frame
    std::map<std::string, std::uint64_t, std::less<>> lost_; // by run, until it is said
    std::size_t output_ = 0, other_ = 0;
    std::uint64_t dropped_ = 0;
    bool blocked_ = false, closed_ = false;
};

} // namespace agenthost::hub
