#include "output.hpp"

#include "wire/base64.hpp"

#include <algorithm>

namespace agenthost::hub {

void DashboardOutput::base64(const std::string& run)
{
    Stage& stage = stages_[run];
    stage.base64 = true;
}

void DashboardOutput::add(const Run& run, const RunChunk& chunk)
{
    Stage& stage = stages_[run.id];
    if (!stage.id) stage.id = std::make_shared<const std::string>(run.id);
    if (chunk.bytes.empty()) { // the end is missing
        stage.skipped += chunk.dropped;
        return;
    }
    Piece* last = stage.pieces.empty() ? nullptr : &stage.pieces.back();
    if (last != nullptr && last->channel == chunk.channel && chunk.dropped == 0 &&
        last->at + last->bytes.size() == chunk.at)
        last->bytes += chunk.bytes;
    else
        stage.pieces.push_back({chunk.channel, chunk.at, chunk.dropped, std::string{chunk.bytes}});
    stage.bytes += chunk.bytes.size();
    const auto now = core_.now();
    const bool ripe = now - stage.flushed >= gather;
    if (ripe || stage.bytes >= wire::most_output) flush(run, stage, ripe);
    if (stage.bytes == 0 || stage.timer.second != 0) return;
    stage.timer = core_.timers.at(stage.flushed + gather, [this, id = run.id]() UNDER_LOCK {
        const auto it = stages_.find(id);
        if (it == stages_.end()) return;
        it->second.timer = {};
        if (const Run* there = runs_.find(id)) flush(*there, it->second, true);
    });
}

void DashboardOutput::skip(const Run& run, std::uint64_t bytes)
{
    if (const auto it = stages_.find(run.id); it != stages_.end()) it->second.skipped += bytes;
}

// `all`: sends a partial chunk, too.
void DashboardOutput::flush(const Run& run, Stage& stage, bool all)
{
    std::size_t done = 0;
    for (Piece& piece : stage.pieces) {
        while (!piece.bytes.empty()) {
            if (!all && stage.bytes < wire::most_output) break;
            const std::size_t taken = emit(run, stage, piece);
            stage.bytes -= taken;
        }
        if (!piece.bytes.empty()) break;
        ++done;
    }
    stage.pieces.erase(stage.pieces.begin(), stage.pieces.begin() + static_cast<std::ptrdiff_t>(done));
    stage.flushed = core_.now();
}

// Sends one chunk from the start of the piece; returns the number of bytes used.
std::size_t DashboardOutput::emit(const Run& run, Stage& stage, Piece& piece)
{
    auto& channel = stage.channels.at(piece.channel - 1);
    std::uint64_t dropped = std::exchange(piece.dropped, 0);
    if (dropped > 0)
        dropped += std::exchange(channel.tail_size, std::uint8_t{0}); // the rest of its character is lost
    const std::string_view bytes = piece.bytes;
    const std::size_t fits =
        stage.base64 ? std::min(bytes.size(), wire::fitting_base64)
                     : std::clamp<std::size_t>(wire::fitting_text(channel, bytes), 1, bytes.size());
    const std::uint64_t at = piece.at - channel.tail_size;
    const std::uint64_t carried = channel.tail_size; // of a character that began before
    std::string data;
    if (stage.base64)
        wire::append_base64(data, bytes.substr(0, fits));
    else
        data = wire::complete_text(channel, bytes.substr(0, fits));
    piece.bytes.erase(0, fits);
    piece.at += fits;
    if (data.empty())
        stage.skipped += dropped; // the start of a character: it waits for the rest
    else
        put(run, stage, piece.channel, at, carried + fits - channel.tail_size, dropped, data);
    return fits;
}

void DashboardOutput::put(const Run& run, Stage& stage, std::uint32_t channel, std::uint64_t at,
                          std::uint64_t bytes, std::uint64_t dropped, std::string_view data)
{
    std::string frame;
    wire::desk::write_output(frame, core_.utc(),
                             {.command_id = run.id,
                              .data = data,
                              .channel = channel,
                              .sequence = ++stage.sequence,
                              .offset = at,
                              .base64 = stage.base64});
    emit_(run, {.frame = std::make_shared<const std::string>(std::move(frame)),
                .run = stage.id,
                .bytes = bytes,
                .dropped = dropped + std::exchange(stage.skipped, 0)});
}

void DashboardOutput::end(const Run& run)
{
    const auto it = stages_.find(run.id);
    if (it == stages_.end()) return;
    Stage& stage = it->second;
    flush(run, stage, true);
    for (std::uint32_t number = 1; number <= 2; ++number) { // a character that was never completed
        auto& channel = stage.channels.at(number - 1);
        if (channel.tail_size > 0)
            put(run, stage, number, run.output.end() - channel.tail_size, channel.tail_size, 0,
                "\xEF\xBF\xBD");
        channel.tail_size = 0;
    }
    if (stage.skipped > 0 && stage.id) put(run, stage, 1, run.output.end(), 0, 0, {});
    core_.timers.cancel(stage.timer);
    stages_.erase(it);
}

void DashboardOutput::forget(std::string_view run)
{
    const auto it = stages_.find(std::string{run});
    if (it == stages_.end()) return;
    core_.timers.cancel(it->second.timer);
    stages_.erase(it);
}

} // namespace agenthost::hub
