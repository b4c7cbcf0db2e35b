#include "piece_sender.hpp"

#include "netclient/chunked.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::host::listener {
namespace {

// Bytes before the loop serves other connections.
constexpr std::size_t max_turn = 1 << 20;

} // namespace

void PieceSender::begin(std::string head)
{
    backlog_ = std::move(head);
    pump();
}

void PieceSender::add(std::string_view piece)
{
    if (over()) return;
    if (left_) {
        if (piece.size() > *left_) return failed();
        *left_ -= piece.size();
    }
    if (!piece.empty() && !head_only_) {
        if (coding_ == Coding::none)
            backlog_ += piece;
        else
            backlog_.append(netclient::chunk_head(piece.size())).append(piece).append("\r\n");
    }
    piece_bytes_ += piece.size();
    pump();
}

void PieceSender::end()
{
    if (ending_ || over()) return;
    // A part must not look like the whole. After a HEAD request there is no body to cut short.
    if (left_.value_or(0) != 0 && !head_only_) return failed();
    ending_ = true;
    if (coding_ == Coding::chunked && !head_only_) backlog_ += "0\r\n\r\n";
    pump();
}

void PieceSender::pump()
{
    if (waiting() || over()) return;
    const auto self = shared_from_this();
    net::Stream& stream = context_.stream;
    const std::size_t begin = sent_bytes_;
    while (sent_bytes_ < backlog_.size() && sent_bytes_ - begin < max_turn) {
        const std::size_t n = std::min(backlog_.size() - sent_bytes_, net::block_size);
        if (!stream.write({backlog_.data() + sent_bytes_, n})) break;
        sent_bytes_ += n;
    }
    if (stream.error()) return failed();
    if (sent_bytes_ < backlog_.size()) return wait_for_space();
    backlog_.clear();
    sent_bytes_ = 0;
    stream.flush();
    owner_.pieces_taken(std::exchange(piece_bytes_, 0));
    if (ending_) sent();
}

} // namespace agenthost::host::listener
