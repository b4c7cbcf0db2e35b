#include "chunked.hpp"

#include <algorithm>
#include <cstring>

namespace agenthost::kit {

namespace {

constexpr std::size_t max_overhead =
    16384;                     // extensions and trailers of one body: nobody sends more in earnest
constexpr int max_digits = 15; // 2^60 bytes

int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

std::size_t ChunkedDecoder::decode(char* data, std::size_t size)
{
    std::size_t written = 0;
    for (std::size_t at = 0; at < size && !done() && !failed();) {
        if (state_ != State::content) {
            step(data[at++]);
            continue;
        }
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size - at));
        if (written != at) std::memmove(data + written, data + at, n);
        written += n;
        at += n;
        left_ -= n;
        if (left_ == 0) state_ = State::content_cr;
    }
    return written;
}

void ChunkedDecoder::count_overhead()
{
    if (++overhead_ > max_overhead) state_ = State::failed;
}

void ChunkedDecoder::step(char c)
{
    const auto expect = [&](char wanted, State next) { state_ = c == wanted ? next : State::failed; };
    switch (state_) {
    case State::size_first:
        left_ = 0;
        digits_ = 0;
        state_ = hex_value(c) < 0 ? State::failed : State::size;
        if (failed()) return;
        [[fallthrough]];
    case State::size:
        if (const int value = hex_value(c); value >= 0) {
            left_ = left_ * 16 + static_cast<unsigned>(value);
            if (++digits_ > max_digits) state_ = State::failed;
        } else if (c == '\r') {
            state_ = State::size_lf;
        } else {
            state_ = c == ';' || c == ' ' || c == '\t' ? State::extension : State::failed;
        }
        return;
    case State::extension:
        if (c == '\r')
            state_ = State::size_lf;
        else if (c == '\n')
            state_ = State::failed;
        else
            count_overhead();
        return;
    case State::size_lf:
        expect('\n', left_ == 0 ? State::trailer : State::content);
        line_empty_ = true;
        return;
    case State::content_cr: expect('\r', State::content_lf); return;
    case State::content_lf: expect('\n', State::size_first); return;
    case State::trailer:
        if (c == '\r')
            state_ = State::trailer_lf;
        else if (c == '\n')
            state_ = State::failed;
        else
            line_empty_ = false, count_overhead();
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

} // namespace agenthost::kit
