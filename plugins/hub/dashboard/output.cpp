#include "output.hpp"

#include "base/base64.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace {

// A whole chunk, but for a character that did not fit.
constexpr std::size_t whole_chunk = wire::max_output - 3;

} // namespace

void DashboardOutput::base64(const std::string& run) { stages_[run].base64 = true; }

DashboardOutput::Stage& DashboardOutput::stage_of(const Run& run)
{
    Stage& stage = stages_[run.id];
    if (!stage.id) stage.id = std::make_shared<const std::string>(run.id);
    return stage;
}

void DashboardOutput::add(const Run& run, const RunChunk& chunk)
{
    Stage& stage = stage_of(run);
    if (chunk.bytes.empty()) { // the end is missing
        stage.skipped += chunk.dropped;
        return;
    }
    const bool passes =
        stage.gathered.empty() && (chunk.bytes.size() >= whole_chunk || stage.small.take(core_.now()));
    if (passes)
        forward(run, stage, chunk);
    else
        hold(run, stage, chunk);
}

void DashboardOutput::hold(const Run& run, Stage& stage, const RunChunk& chunk)
{
    Piece* last = stage.gathered.empty() ? nullptr : &stage.gathered.back();
    if (last != nullptr && last->channel == chunk.channel && chunk.dropped == 0 &&
        last->at + last->bytes.size() == chunk.at)
        last->bytes += chunk.bytes;
    else
        stage.gathered.push_back({chunk.channel, chunk.at, chunk.dropped, std::string{chunk.bytes}});
    stage.gathered_bytes += chunk.bytes.size();
    if (stage.gathered_bytes >= wire::max_output || stage.gathered.size() >= max_gathered)
        return release(run, stage);
    if (stage.timer.second != 0) return;
    stage.timer = core_.after(gather, [this, id = run.id]() UNDER_LOCK {
        const auto it = stages_.find(id);
        if (it == stages_.end()) return;
        it->second.timer = {};
        if (const Run* there = runs_.find(id)) release(*there, it->second);
    });
}

void DashboardOutput::release(const Run& run, Stage& stage)
{
    core_.timers.cancel(std::exchange(stage.timer, {}));
    const auto gathered = std::exchange(stage.gathered, {});
    stage.gathered_bytes = 0;
    for (const Piece& piece : gathered)
        forward(run, stage, {piece.channel, piece.at, piece.dropped, piece.bytes});
}

void DashboardOutput::forward(const Run& run, Stage& stage, RunChunk rest)
{
    while (!rest.bytes.empty()) emit(run, stage, rest);
}

void DashboardOutput::skip(const Run& run, std::uint64_t bytes)
{
    if (const auto it = stages_.find(run.id); it != stages_.end()) it->second.skipped += bytes;
}

void DashboardOutput::unwatched(const Run& run)
{
    const auto it = stages_.find(run.id);
    if (it == stages_.end()) return;
    release(run, it->second);
    for (auto& channel : it->second.channels) channel.tail_size = 0;
}

// Sends one frame from the start of `rest`, and removes what it sent.
void DashboardOutput::emit(const Run& run, Stage& stage, RunChunk& rest)
{
    auto& channel = stage.channels.at(rest.channel - 1);
    std::uint64_t dropped = std::exchange(rest.dropped, 0);
    if (dropped > 0)
        dropped += std::exchange(channel.tail_size, std::uint8_t{0}); // the rest of its character is lost
    const std::string_view bytes = rest.bytes;
    const std::size_t fits =
        stage.base64 ? std::min(bytes.size(), wire::fitting_base64)
                     : std::clamp<std::size_t>(wire::fitting_text(channel, bytes), 1, bytes.size());
    const std::uint64_t at = rest.at - channel.tail_size;
    const std::uint64_t carried = channel.tail_size; // of a character that began before
    std::string data;
    if (stage.base64)
        base::append_base64(data, bytes.substr(0, fits));
    else
        data = wire::complete_text(channel, bytes.substr(0, fits));
    rest.bytes.remove_prefix(fits);
    rest.at += fits;
    if (data.empty())
        stage.skipped += dropped; // the start of a character: it waits for the rest
    else
        put(run, stage, rest.channel, at, carried + fits - channel.tail_size, dropped, data);
}

void DashboardOutput::put(const Run& run, Stage& stage, std::uint32_t channel, std::uint64_t at,
                          std::uint64_t bytes, std::uint64_t dropped, std::string_view data)
{
    std::string frame;
    wire::dashboard_client::write_output(frame, core_.utc(),
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
    release(run, stage);
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
