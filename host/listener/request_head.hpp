// The head of a request: collected from bytes that come cut anywhere, checked against smuggling, parsed by Beast, and told to the plugin
// as JSON. No I/O. Private to host/listener.
#pragma once

#include "host/listener/text.hpp"
#include "host/listener/websocket.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host::listener {

class HeadCollector {
public:
    enum class State { more, whole, too_large };

    // Takes bytes up to the end of the head, and one beyond `limit` at most; says how many. Only in State::more.
    std::size_t feed(std::string_view in, std::size_t limit);
    [[nodiscard]] State state() const { return state_; }
    // A byte of it has come.
    [[nodiscard]] bool begun() const { return !bytes_.empty(); }
    [[nodiscard]] std::string_view bytes() const { return bytes_; }
    // For the next one. Frees the memory: an idle connection is small.
    void reset() { *this = {}; }

private:
    std::string bytes_;
    std::size_t empty_lines_ = 0; // bytes of them before the head
    State state_ = State::more;
};

// What the connection remembers of the running request.
struct RequestFacts {
    bool head_only = false, keep_alive = true, http10 = false, chunked = false;
    bool expects_continue = false, body_unread = false;
    std::uint64_t length = 0;                                // of the body, unless it is chunked
    [[nodiscard]] std::string_view connection_field() const; // "close", "keep-alive" or none
};

struct Refusal {
    int status;
    std::string_view code;
    std::string message;
};

struct RequestHead {
    RequestFacts facts; // as far as they are known when it is refused
    WebSocket::Request request;
    Target target;
    std::optional<Refusal> refusal;
};
RequestHead parse_request(std::string_view bytes);

// Where the request came from.
struct RequestOrigin {
    std::string_view peer, proxy, listener; // proxy: empty when the peer is the other end of the socket
    bool tls = false;
    std::string_view spki; // of the peer's certificate, raw
};
std::string head_json(const WebSocket::Request&, const Target&, const RequestFacts&, const RequestOrigin&);

} // namespace agenthost::host::listener
