// Counts the frames of a server that cannot be used, and describes the latest. Each connection causes at most
// one line in the log: a server that is wrong once is wrong in every frame. Pure.
//
// Main I/O thread. Owned by OutboundSession.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host {

struct SessionStatus;

class MalformedFrames {
public:
    // Maximum length of a peer's text in the status.
    static constexpr std::size_t max_quoted = 300;

    // A new connection.
    void begin() { logged_ = false; }
    // `reason`: of the codec, may quote the peer. `frame`: only its outline is kept. Returns the line for the
    // log; nullopt: this connection has had one.
    std::optional<std::string> add(std::string_view url, std::string_view reason, std::string_view frame);
    // This connection has had one.
    [[nodiscard]] bool any() const { return logged_; }
    void add_to(SessionStatus&) const;

private:
    std::uint64_t count_ = 0;
    std::string latest_;
    bool logged_ = false;
};

} // namespace agenthost::host
