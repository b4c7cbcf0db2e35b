// The head of a request: collected from input split at any byte, checked against smuggling, parsed by Beast,
// and encoded as JSON for the plugin. No I/O; single-threaded. Private to host/listener.
#pragma once

#include "host/listener/http_text.hpp"
#include "host/listener/websocket.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host::listener {

class HeadCollector {
public:
    enum class State { more, whole, too_large };

    // Takes bytes up to the end of the head, at most one more than `max`, and returns their number. Only in
    // State::more.
    std::size_t feed(std::string_view in, std::size_t max);
    [[nodiscard]] State state() const { return state_; }
    // The head's first byte was received.
    [[nodiscard]] bool begun() const { return !bytes_.empty(); }
    [[nodiscard]] std::string_view bytes() const { return bytes_; }
    // Prepares for the next head. Frees the memory: an idle connection is small.
    void reset() { *this = {}; }

private:
    std::string bytes_;
    // Bytes of empty lines before the head.
    std::size_t empty_lines_ = 0;
    State state_ = State::more;
};

// What the connection remembers of the running request.
struct RequestFacts {
    bool head_only = false, keep_alive = true, http10 = false, chunked = false;
    bool expects_continue = false, body_unread = false;
    // Of the body, unless it is chunked.
    std::uint64_t length = 0;
    // Of the answer: "close", "keep-alive" or empty.
    [[nodiscard]] std::string_view connection_field() const;
};

// An answer of the host itself, without a plugin.
struct Refusal {
    int status = 0;
    std::string_view code;
    std::string message;
    // An additional header line with its line end, or empty.
    std::string_view header{};
};

struct RequestHead {
    // If it is refused: as far as they are known.
    RequestFacts facts;
    WebSocket::Request request;
    Target target;
    std::optional<Refusal> refusal;
};
RequestHead parse_request(std::string_view bytes);

// The source of a request.
struct RequestOrigin {
    // `proxy`: empty if the peer is the other end of the socket.
    std::string_view peer, proxy, listener;
    bool tls = false;
    // The raw hash of the key in the peer's certificate.
    std::string_view spki;
};
std::string head_json(const WebSocket::Request&, const Target&, const RequestFacts&, const RequestOrigin&);

} // namespace agenthost::host::listener
