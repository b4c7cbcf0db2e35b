// Reads one HTTP/1.1 reply from bytes that may be split anywhere: head, content, end. No I/O.
//
//     reader.step(input) -> head | content | end | more | failed, and how many bytes it took
//
// A body ends by its length, its last chunk, or the connection; after 101 everything is content. Bytes after
// the end stay in the input. Heads follow netclient/http_head.hpp.
#pragma once

#include "netclient/chunked.hpp"
#include "netclient/http_head.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::docker::engine {

class ReplyReader {
public:
    explicit ReplyReader(netclient::Switching switching = netclient::Switching::refused)
        : switching_{switching}
    {}

    enum class Event : std::uint8_t { more, head, content, end, failed };
    struct Step {
        Event event = Event::more;
        std::size_t taken = 0;
        // A part of the input.
        std::string_view content;
    };
    // `more` takes all of the input; after `end` and `failed` nothing is taken.
    Step step(std::string_view input);
    // The connection ended: `end` if the body may end so, else `failed`.
    Event finish();

    // From Event::head on.
    [[nodiscard]] const netclient::ResponseHead& head() const { return head_; }
    // After Event::failed: a clause such as "the answer is not HTTP".
    [[nodiscard]] const std::string& why() const { return why_; }
    [[nodiscard]] bool has_head() const { return state_ != State::head && state_ != State::failed; }
    [[nodiscard]] bool upgraded() const { return head_.status == 101; }
    // Whether any byte of a reply arrived.
    [[nodiscard]] bool begun() const { return begun_; }
    // After Event::end: whether the connection may carry another request.
    [[nodiscard]] bool reusable() const;

private:
    enum class State : std::uint8_t { head, sized, chunked, until_close, ended, failed };

    Step read_head(std::string_view input);
    Step end();
    Step fail(std::string why);

    netclient::Switching switching_;
    State state_ = State::head;
    bool begun_ = false, by_close_ = false;
    std::string text_; // of the head so far
    netclient::ResponseHead head_;
    netclient::ChunkedDecoder chunks_;
    std::uint64_t left_ = 0;
    std::string why_;
};

} // namespace agenthost::docker::engine
