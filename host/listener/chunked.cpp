#include "chunked.hpp"

#include <algorithm>
#include <cstdio>

namespace agenthost::host::listener {
namespace {

constexpr int most_digits = 15;     // 2^60 bytes: no overflow, and nobody sends more
constexpr int most_overhead = 4096; // extensions and trailers together

int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

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

void ChunkedDecoder::framing(char c)
{
    const auto expect = [&](char wanted, State next) { state_ = c == wanted ? next : State::failed; };
    switch (state_) {
    case State::size:
        if (const int value = hex_value(c); value >= 0) {
            left_ = left_ * 16 + static_cast<std::uint64_t>(value);
            if (++digits_ > most_digits) state_ = State::failed;
        } else if (digits_ == 0) {
            state_ = State::failed;
        } else if (c == '\r') {
            state_ = State::size_lf;
        } else {
            state_ = c == ';' ? State::extension : State::failed;
        }
        break;
    case State::extension:
        if (c == '\r')
            state_ = State::size_lf;
        else if (c == '\n' || ++overhead_ > most_overhead)
            state_ = State::failed;
        break;
    case State::size_lf:
        expect('\n', left_ == 0 ? State::trailer : State::content);
        digits_ = 0;
        break;
    case State::content_cr: expect('\r', State::content_lf); break;
    case State::content_lf: expect('\n', State::size); break;
    case State::trailer:
        if (c == '\r') {
            state_ = State::trailer_lf;
        } else {
            line_empty_ = false;
            if (c == '\n' || ++overhead_ > most_overhead) state_ = State::failed;
        }
        break;
    case State::trailer_lf:
        expect('\n', line_empty_ ? State::done : State::trailer);
        line_empty_ = true;
        break;
    case State::content:
    case State::done:
    case State::failed: break;
    }
}

std::string chunk_head(std::size_t size)
{
    char text[24];
    std::snprintf(text, sizeof text, "%zx\r\n", size);
    return text;
}

} // namespace agenthost::host::listener
