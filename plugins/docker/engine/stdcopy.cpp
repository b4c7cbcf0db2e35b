#include "stdcopy.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::docker::engine {

StdcopyDecoder::Piece StdcopyDecoder::step(std::string_view input)
{
    Piece piece;
    if (failed_ || input.empty()) return piece;
    if (!inside_) {
        while (piece.taken < input.size() && header_size_ < header_.size())
            header_[header_size_++] = static_cast<unsigned char>(input[piece.taken++]);
        if (header_size_ < header_.size()) return piece;
        header_size_ = 0;
        if (!read_header()) {
            failed_ = true;
            return piece;
        }
        inside_ = begins_ = true;
    }
    const auto n = std::min<std::size_t>(left_, input.size() - piece.taken);
    piece.stream = stream_;
    piece.content = input.substr(piece.taken, n);
    piece.taken += n;
    left_ -= static_cast<std::uint32_t>(n);
    if (n == 0 && left_ > 0) return piece; // only the header has arrived
    piece.begins = std::exchange(begins_, false);
    piece.ends = left_ == 0;
    inside_ = !piece.ends;
    return piece;
}

bool StdcopyDecoder::read_header()
{
    if (header_[0] > 3 || header_[1] != 0 || header_[2] != 0 || header_[3] != 0) return false;
    stream_ = static_cast<OutputStream>(header_[0]);
    left_ = std::uint32_t{header_[4]} << 24 | std::uint32_t{header_[5]} << 16 |
            std::uint32_t{header_[6]} << 8 | header_[7];
    return left_ <= max_frame_;
}

} // namespace agenthost::docker::engine
