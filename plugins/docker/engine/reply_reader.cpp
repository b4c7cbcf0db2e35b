#include "reply_reader.hpp"

#include "base/ascii.hpp"

#include <algorithm>

namespace agenthost::docker::engine {

using netclient::HeadResult;

ReplyReader::Step ReplyReader::step(std::string_view input)
{
    switch (state_) {
    case State::head: return read_head(input);
    case State::sized: {
        if (left_ == 0) return end();
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
        if (n == 0) return {};
        left_ -= n;
        return {Event::content, n, input.substr(0, n)};
    }
    case State::chunked: {
        std::size_t taken = 0;
        while (taken < input.size() && !chunks_.done() && !chunks_.failed()) {
            const auto next = chunks_.step(input.substr(taken));
            taken += next.taken;
            if (!next.content.empty()) return {Event::content, taken, next.content};
        }
        if (chunks_.failed()) return fail("the chunked coding of the answer is broken");
        if (!chunks_.done()) return {Event::more, taken, {}};
        Step last = end();
        last.taken = taken;
        return last;
    }
    case State::until_close:
        if (input.empty()) return {};
        return {Event::content, input.size(), input};
    case State::ended: return {Event::end, 0, {}};
    case State::failed: return {Event::failed, 0, {}};
    }
    return {};
}

ReplyReader::Step ReplyReader::read_head(std::string_view input)
{
    if (input.empty()) return {};
    begun_ = true;
    // A head that arrives byte by byte is parsed once, not once a byte.
    const std::size_t before = text_.size(), overlap = std::min<std::size_t>(before, 3);
    text_.append(input.substr(0, netclient::max_head + 1));
    const bool complete =
        netclient::end_of_head(std::string_view{text_}.substr(before - overlap)) != std::string_view::npos;
    if (!complete && before >= 5 && text_.size() < netclient::max_head)
        return {Event::more, input.size(), {}};
    const HeadResult result = netclient::parse_response_head(text_, head_, why_, switching_);
    if (result == HeadResult::more) return {Event::more, input.size(), {}};
    if (result != HeadResult::complete) return fail(why_);
    const std::size_t taken = head_.size - before;
    text_.clear();
    text_.shrink_to_fit();
    if (upgraded()) {
        state_ = State::until_close;
    } else if (head_.chunked) {
        state_ = State::chunked;
    } else if (head_.length) {
        state_ = State::sized;
        left_ = *head_.length;
    } else {
        state_ = State::until_close;
    }
    by_close_ = state_ == State::until_close;
    return {Event::head, taken, {}};
}

ReplyReader::Event ReplyReader::finish()
{
    switch (state_) {
    case State::ended:
    case State::until_close: return end().event;
    case State::sized:
        if (left_ == 0) return end().event;
        return fail("the connection ended in the middle of the answer").event;
    case State::chunked: return fail("the connection ended in the middle of the answer").event;
    case State::head:
        return fail(begun_ ? "the connection ended in the middle of the answer's head"
                           : "the connection ended without an answer")
            .event;
    case State::failed: break;
    }
    return Event::failed;
}

ReplyReader::Step ReplyReader::end()
{
    state_ = State::ended;
    return {Event::end, 0, {}};
}

ReplyReader::Step ReplyReader::fail(std::string why)
{
    state_ = State::failed;
    why_ = std::move(why);
    return {Event::failed, 0, {}};
}

bool ReplyReader::reusable() const
{
    return state_ == State::ended && !by_close_ &&
           base::to_lower(head_.header("connection")).find("close") == std::string::npos;
}

} // namespace agenthost::docker::engine
