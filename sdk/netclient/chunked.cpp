#include "chunked.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace agenthost::netclient {

namespace {

constexpr int max_digits = 15;             // 2^60 bytes: cannot overflow, and larger than any real chunk
constexpr int max_request_overhead = 4096; // extensions and trailers of one body; real messages have far less
constexpr int max_response_overhead = 16384;

} // namespace

ChunkedDecoder::Step ChunkedDecoder::step(std::string_view input)
{
    if (input.empty() || done() || failed()) return {};
    if (state_ == State::content) {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
        left_ -= n;
        if (left_ == 0) state_ = State::content_cr;
        return {n, input.substr(0, n)};
    }
    std::size_t n = 0;
    while (n < input.size() && state_ != State::content && !done() && !failed()) framing(input[n++]);
    return {n, {}};
}

std::size_t ChunkedDecoder::decode(char* data, std::size_t size)
{
    std::size_t written = 0;
    for (std::size_t at = 0; at < size && !done() && !failed();) {
        const Step next = step({data + at, size - at});
        if (!next.content.empty() && written != at)
            std::memmove(data + written, next.content.data(), next.content.size());
        written += next.content.size();
        at += next.taken;
    }
    return written;
}

void ChunkedDecoder::skip(char c)
{
    const int max = of_ == Of::request ? max_request_overhead : max_response_overhead;
    if (c == '\n' || ++overhead_ > max) state_ = State::failed;
}

void ChunkedDecoder::framing(char c)
{
    const auto expect = [&](char wanted, State next) { state_ = c == wanted ? next : State::failed; };
    switch (state_) {
    case State::size:
        if (const int value = base::hex_digit(c); value >= 0) {
            left_ = left_ * 16 + static_cast<std::uint64_t>(value);
            if (++digits_ > max_digits) state_ = State::failed;
        } else if (digits_ == 0) {
            state_ = State::failed;
        } else if (c == '\r') {
            state_ = State::size_lf;
        } else {
            const bool blank = of_ == Of::response && (c == ' ' || c == '\t');
            state_ = c == ';' || blank ? State::extension : State::failed;
        }
        return;
    case State::extension:
        if (c == '\r')
            state_ = State::size_lf;
        else
            skip(c);
        return;
    case State::size_lf:
        expect('\n', left_ == 0 ? State::trailer : State::content);
        digits_ = 0;
        return;
    case State::content_cr: expect('\r', State::content_lf); return;
    case State::content_lf: expect('\n', State::size); return;
    case State::trailer:
        if (c == '\r') {
            state_ = State::trailer_lf;
        } else {
            line_empty_ = false;
            skip(c);
        }
        return;
    case State::trailer_lf:
        expect('\n', line_empty_ ? State::done : State::trailer);
        line_empty_ = true;
        return;
    case State::content:
    case State::done:
    case State::failed: return;
    }
}

std::string chunk_head(std::size_t size)
{
    char text[24];
    std::snprintf(text, sizeof text, "%zx\r\n", size);
    return text;
}

} // namespace agenthost::netclient
