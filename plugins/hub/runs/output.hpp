// Keeps the output of a run: pieces of both streams in order of arrival. A position counts the bytes of both
// streams from the start of the run, including lost ones, so one number identifies a reader's position.
// Without space the oldest output is dropped, and the position of the remaining output shows how much. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace agenthost::hub {

struct RunChunk {
    std::uint32_t channel = 1; // 1 stdout or the terminal, 2 stderr
    std::uint64_t at = 0;      // position of the first byte
    std::uint64_t dropped = 0; // bytes lost right before it
    std::string_view bytes;    // valid until the call returns; empty: only the gap, at the end
};

class RunOutput {
public:
    // `lost`: bytes known to be missing before these.
    RunChunk append(std::uint32_t channel, std::uint64_t lost, std::string_view bytes);
    void trim(std::size_t max_cost); // drops the oldest pieces until the rest fits
    // Visits the kept output from `from` on, piece by piece, until `visit(chunk)` returns false. The first
    // chunk's `dropped` is the gap between `from` and it.
    template <class Visit> void read(std::uint64_t from, Visit visit) const
    {
        for (const Piece& piece : pieces_) {
            const std::uint64_t end = piece.at + piece.bytes.size();
            if (end <= from) continue;
            const std::uint64_t start = from > piece.at ? from : piece.at;
            const RunChunk chunk{piece.channel, start, start - from,
                                 std::string_view{piece.bytes}.substr(start - piece.at)};
            from = end;
            if (!visit(chunk)) return;
        }
    }
    [[nodiscard]] std::uint64_t begin() const { return pieces_.empty() ? end_ : pieces_.front().at; }
    [[nodiscard]] std::uint64_t end() const { return end_; }
    [[nodiscard]] std::uint64_t lost() const { return lost_; } // before it reached the hub
    [[nodiscard]] std::size_t cost() const { return cost_; }   // memory, about

private:
    struct Piece {
        std::uint32_t channel;
        std::uint64_t at;
        std::string bytes;
    };
    static constexpr std::size_t piece_cost = 96,
                                 joined = 16 << 10; // small pieces are joined up to this size

    std::deque<Piece> pieces_;
    std::uint64_t end_ = 0, lost_ = 0;
    std::size_t cost_ = 0;
};

} // namespace agenthost::hub
