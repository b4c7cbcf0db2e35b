// What a running request says before it ends: progress, each change of its status, else the latest at most every 100 ms; streams, in
// order and bounded.
#include "dispatcher_impl.hpp"

#include "json.hpp"

namespace agenthost::host {

namespace {

agh_status ended(std::uint64_t flags) // of look(): why nothing may be said any more; AGH_OK otherwise
{
    if (!flags) return AGH_E_STALE;
    if (flags & Slot::deadline) return AGH_E_DEADLINE;
    return flags & Slot::cancelled ? AGH_E_CANCELLED : AGH_OK;
}

} // namespace

void Dispatcher::Impl::queue_flow(agh_req id)
{
    bool post = false;
    {
        const std::lock_guard lock{inbox.mutex};
        inbox.content.flows.push_back(id);
        post = !std::exchange(inbox.posted, true);
    }
    wake(post);
}

agh_status Dispatcher::Impl::progress(std::string_view plugin, agh_req id, std::string_view text)
{
    Slot* slot = slots.at(id);
    if (!slot) return AGH_E_STALE;
    if (const agh_status status = ended(Slots::look(*slot, id, plugin)); status != AGH_OK) return status;
    if (text.size() > progress_bytes || !json::valid_object(text)) return AGH_E_INVALID;
    std::string status = json::status_of(text);
    {
        const std::lock_guard lock{slots.flow_mutex(id)};
        slot->flow_used.store(true); // before the look: see Slots::release
        if (const agh_status status = ended(Slots::look(*slot, id, plugin)); status != AGH_OK) return status;
        if (!slot->flow) slot->flow = std::make_unique<Flow>();
        Flow& flow = *slot->flow;
        if (!status.empty() && status != flow.status && flow.steps.size() < Flow::most_steps) {
            flow.progress.reset(); // it was of the status before
            flow.steps.emplace_back(text);
            flow.status = std::move(status);
        } else
            flow.progress = text;
        if (std::exchange(slot->flow->progress_queued, true)) return AGH_OK;
    }
    queue_flow(id);
    return AGH_OK;
}

agh_status Dispatcher::Impl::stream(std::string_view plugin, agh_req id, std::uint32_t channel,
                                    std::uint64_t offset, std::string_view bytes)
{
    Slot* slot = slots.at(id);
    if (!slot) return AGH_E_STALE;
    if (bytes.size() > stream_bytes) return AGH_E_INVALID; // would never fit
    {
        const std::lock_guard lock{slots.flow_mutex(id)};
        slot->flow_used.store(true);
        if (const agh_status status = ended(Slots::look(*slot, id, plugin)); status != AGH_OK) return status;
        if (bytes.empty()) return AGH_OK;
        if (!slot->flow) slot->flow = std::make_unique<Flow>();
        Flow& flow = *slot->flow;
        if (flow.bytes + bytes.size() > stream_bytes) {
            flow.refused = true;
            return AGH_E_BUSY;
        }
        flow.progress_first = flow.has_progress();
        flow.filling.bytes += bytes;
        flow.filling.chunks.push_back({channel, offset, bytes.size()});
        flow.bytes += bytes.size();
        if (std::exchange(flow.stream_queued, true)) return AGH_OK;
    }
    queue_flow(id);
    return AGH_OK;
}

void Dispatcher::Impl::flow(Slot& slot)
{
    Request& r = slot.request;
    const bool through = flow_streams(slot);
    if (r.phase == Request::Phase::parked) {
        if (through) send(slot);
        return;
    }
    flow_progress(slot);
    arm();
}

// False: some wait for the peer.
bool Dispatcher::Impl::flow_streams(Slot& slot)
{
    if (!slot.flow_used.load()) return true;
    flow_progress(slot); // "running" comes before what it prints
    Request& r = slot.request;
    const agh_req id = r.id;
    const std::shared_ptr<Caller> peer = r.caller->caller;
    bool through = true;
    while (through) {
        {
            const std::lock_guard lock{slots.flow_mutex(id)};
            if (!slot.flow) return true;
            Flow& flow = *slot.flow;
            if (flow.sending.empty()) {
                flow.sending.clear();
                std::swap(flow.sending, flow.filling);
            }
            flow.stream_queued = !flow.sending.empty();
            if (!flow.stream_queued) return true;
        }
        Flow::Batch& batch = slot.flow->sending;
        // A nested call has no peer, an answered or abandoned one no listener: its bytes go nowhere, and the
        // offsets say so.
        const bool heard = r.depth == 0 && !r.answered && peer && peer->connected();
        const std::size_t before = batch.at;
        for (; !batch.empty(); ++batch.next) {
            const Flow::Chunk& chunk = batch.chunks[batch.next];
            if (heard &&
                !peer->on_stream({.id = r.wire_id,
                                  .channel = chunk.channel,
                                  .offset = chunk.offset,
                                  .bytes = std::string_view{batch.bytes}.substr(batch.at, chunk.size)}))
                break;
            batch.at += chunk.size;
        }
        through = batch.empty();
        bool writable_due = false;
        {
            const std::lock_guard lock{slots.flow_mutex(id)};
            Flow& flow = *slot.flow;
            flow.bytes -= batch.at - before;
            writable_due = flow.refused && flow.bytes <= stream_bytes / 2;
            if (writable_due) flow.refused = false;
        }
        if (writable_due && r.plugin && r.phase == Request::Phase::running) r.plugin->writable(id);
    }
    pauses.set(r.index, now() + stall_check);
    arm();
    return false;
}

void Dispatcher::Impl::flow_progress(Slot& slot)
{
    Request& r = slot.request;
    std::vector<std::string> steps;
    std::optional<std::string> latest;
    {
        const std::lock_guard lock{slots.flow_mutex(r.id)};
        if (!slot.flow || !slot.flow->has_progress()) return;
        Flow& flow = *slot.flow;
        const auto t = now();
        const bool paused = r.progress_at == Clock::time_point::min() || t >= r.progress_at + progress_every;
        const bool all = paused || flow.progress_first;
        if (all || r.steps_said < Flow::most_steps) steps.swap(flow.steps);
        if (all) latest.swap(flow.progress);
        if (paused) r.steps_said = 0;
        r.steps_said =
            static_cast<std::uint8_t>(std::min<std::size_t>(r.steps_said + steps.size(), Flow::most_steps));
        if (all || !steps.empty()) r.progress_at = t;
        flow.progress_first = false;
        flow.progress_queued = flow.has_progress(); // else the pause looks again
        if (flow.progress_queued) pauses.set(r.index, r.progress_at + progress_every);
    }
    if (r.depth > 0 || r.answered || !r.caller->caller || !r.caller->caller->connected()) return;
    for (const std::string& step : steps) r.caller->caller->on_step({.id = r.wire_id, .json = step});
    if (latest) r.caller->caller->on_progress({.id = r.wire_id, .json = *latest});
}

void Dispatcher::Impl::writable(Caller& caller)
{
    CallerRecord* record = find(caller);
    if (!record) return;
    std::vector<agh_req> streaming;
    each_of(*record, [&](Slot& slot) {
        if (slot.flow_used.load()) streaming.push_back(slot.request.id);
    });
    for (const agh_req id : streaming)
        if (Slot* slot = slots.find(id)) flow(*slot);
    flush_events(*record);
    if (!record->live && !record->paging && caller.connected()) next_page(*record);
}

} // namespace agenthost::host
