// One WebSocket connection over a blocking socket, either end, that costs little: frames are read in place
// from a large buffer.
#pragma once

#include "base/fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::bench {

class WsPeer {
public:
    static WsPeer accept(int listener); // throws std::runtime_error
    static WsPeer connect(int port, const std::string& target);
    // The next text or binary message, unmasked; valid until the next call. False: the other end closed.
    bool next(std::string_view& message);
    void send(std::string_view text); // as the end that accepted: unmasked

private:
    explicit WsPeer(base::Fd fd) : fd_{std::move(fd)}, buffer_(1 << 20, '\0') {}
    bool fill();
    std::string head();
    base::Fd fd_;
    std::string buffer_;
    std::size_t from_ = 0, to_ = 0;
};

} // namespace agenthost::bench
