#include "flows.hpp"

#include "json.hpp"

#include "host/plugin/plugin.hpp"

#include <utility>

namespace agenthost::host {

namespace {

constexpr auto progress_interval = std::chrono::milliseconds{100};
// A peer that vanished silently frees its streams within this time.
constexpr auto stall_check = std::chrono::seconds{1};

// From the flags of look(): why the request accepts nothing more; AGH_OK if it still does.
agh_status ended(std::uint64_t flags)
{
    if (!flags) return AGH_E_STALE;
    if (flags & Slot::deadline) return AGH_E_DEADLINE;
    return flags & Slot::cancelled ? AGH_E_CANCELLED : AGH_OK;
}

// The peer receives nothing of nested calls, and nothing more of requests that have an answer.
bool has_listener(const Request& r) { return r.depth == 0 && !r.answered && r.caller->reachable(); }

void add_progress(Flow& flow, std::string_view json, std::string status)
{
    if (!status.empty() && status != flow.status && flow.steps.size() < Flow::max_steps) {
        // It belongs to the previous status.
        flow.progress.reset();
        flow.steps.emplace_back(json);
        flow.status = std::move(status);
    } else
        flow.progress = json;
}

} // namespace

agh_status Flows::progress(std::string_view plugin, agh_req id, std::string_view text)
{
    Slot* slot = core_.slots.at(id);
    if (!slot) return AGH_E_STALE;
    if (const agh_status status = ended(Slots::look(*slot, id, plugin)); status != AGH_OK) return status;
    if (text.size() > max_progress_bytes || !json::valid_object(text)) return AGH_E_INVALID;
    std::string status = json::status_of(text);
    {
        const std::lock_guard lock{core_.slots.flow_mutex(id)};
        // Before look(): see Slots::release().
        slot->flow_used.store(true);
        if (const agh_status now = ended(Slots::look(*slot, id, plugin)); now != AGH_OK) return now;
        if (!slot->flow) slot->flow = std::make_unique<Flow>();
        add_progress(*slot->flow, text, std::move(status));
        if (std::exchange(slot->flow->progress_queued, true)) return AGH_OK;
    }
    announce(id);
    return AGH_OK;
}

agh_status Flows::stream(std::string_view plugin, agh_req id, std::uint32_t channel, std::uint64_t offset,
                         std::string_view bytes)
{
    Slot* slot = core_.slots.at(id);
    if (!slot) return AGH_E_STALE;
    // It would never fit, so BUSY would be wrong.
    if (bytes.size() > max_stream_bytes) return AGH_E_INVALID;
    {
        const std::lock_guard lock{core_.slots.flow_mutex(id)};
        slot->flow_used.store(true);
        if (const agh_status status = ended(Slots::look(*slot, id, plugin)); status != AGH_OK) return status;
        if (bytes.empty()) return AGH_OK;
        if (!slot->flow) slot->flow = std::make_unique<Flow>();
        Flow& flow = *slot->flow;
        if (flow.bytes + bytes.size() > max_stream_bytes) {
            flow.refused = true;
            return AGH_E_BUSY;
        }
        flow.progress_first = flow.has_progress();
        flow.filling.bytes += bytes;
        flow.filling.chunks.push_back({channel, offset, bytes.size()});
        flow.bytes += bytes.size();
        if (std::exchange(flow.stream_queued, true)) return AGH_OK;
    }
    announce(id);
    return AGH_OK;
}

bool Flows::advance(Slot& slot)
{
    const bool all_sent = send_streams(slot);
    if (slot.request.phase == Request::Phase::parked) return all_sent;
    send_progress(slot);
    return false;
}

bool Flows::send_streams(Slot& slot)
{
    if (!slot.flow_used.load()) return true;
    // The progress "running" is sent before what the request prints.
    send_progress(slot);
    Request& r = slot.request;
    const agh_req id = r.id;
    for (;;) {
        if (!take_batch(slot, id)) return true;
        const Flow::Batch& batch = slot.flow->sending;
        const std::size_t before = batch.at;
        send_batch(slot);
        const bool all_sent = batch.empty();
        if (account(slot, id, batch.at - before) && r.plugin && r.phase == Request::Phase::running)
            r.plugin->writable(id);
        if (!all_sent) break;
    }
    core_.schedule.set_pause(r.index, core_.now() + stall_check);
    return false;
}

// Puts the next chunks into `sending`. False: there are none.
bool Flows::take_batch(Slot& slot, agh_req id)
{
    const std::lock_guard lock{core_.slots.flow_mutex(id)};
    if (!slot.flow) return false;
    Flow& flow = *slot.flow;
    if (flow.sending.empty()) {
        flow.sending.clear();
        std::swap(flow.sending, flow.filling);
    }
    flow.stream_queued = !flow.sending.empty();
    return flow.stream_queued;
}

// Sends until the peer is full. Chunks without a listener are discarded; later offsets show the gap.
void Flows::send_batch(Slot& slot)
{
    const Request& r = slot.request;
    Flow::Batch& batch = slot.flow->sending;
    for (; !batch.empty(); ++batch.next) {
        const Flow::Chunk& chunk = batch.chunks[batch.next];
        const wire::Stream stream{.id = r.wire_id,
                                  .channel = chunk.channel,
                                  .offset = chunk.offset,
                                  .bytes = std::string_view{batch.bytes}.substr(batch.at, chunk.size)};
        // Checked for each chunk: a callback may detach the caller or cancel the request.
        if (has_listener(r) &&
            !r.caller->tell([&stream](Caller& caller) { return caller.on_stream(stream); }))
            return;
        batch.at += chunk.size;
    }
}

// Subtracts what was taken. True: the plugin was refused before, and can write again.
bool Flows::account(Slot& slot, agh_req id, std::size_t taken)
{
    const std::lock_guard lock{core_.slots.flow_mutex(id)};
    Flow& flow = *slot.flow;
    flow.bytes -= taken;
    return flow.bytes <= max_stream_bytes / 2 && std::exchange(flow.refused, false);
}

void Flows::send_progress(Slot& slot)
{
    Request& r = slot.request;
    std::vector<std::string> steps;
    std::optional<std::string> latest;
    bool some_wait = false;
    {
        const std::lock_guard lock{core_.slots.flow_mutex(r.id)};
        if (!slot.flow || !slot.flow->has_progress()) return;
        Flow& flow = *slot.flow;
        const auto now = core_.now();
        const bool paused =
            r.progress_at == Clock::time_point::min() || now >= r.progress_at + progress_interval;
        const bool all = paused || flow.progress_first;
        if (all || r.steps_sent < Flow::max_steps) steps.swap(flow.steps);
        if (all) latest.swap(flow.progress);
        if (paused) r.steps_sent = 0;
        r.steps_sent =
            static_cast<std::uint8_t>(std::min<std::size_t>(r.steps_sent + steps.size(), Flow::max_steps));
        if (all || !steps.empty()) r.progress_at = now;
        flow.progress_first = false;
        // What still waits is sent at the end of the pause.
        some_wait = flow.progress_queued = flow.has_progress();
    }
    if (some_wait) core_.schedule.set_pause(r.index, r.progress_at + progress_interval);
    for (const std::string& step : steps)
        if (has_listener(r))
            r.caller->tell([&](Caller& caller) { caller.on_step({.id = r.wire_id, .json = step}); });
    if (latest && has_listener(r))
        r.caller->tell([&](Caller& caller) { caller.on_progress({.id = r.wire_id, .json = *latest}); });
}

} // namespace agenthost::host
