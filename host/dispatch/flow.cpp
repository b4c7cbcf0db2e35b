// What a running request says before it ends: progress, the latest at most every 100 ms; streams, in order
// and bounded.
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

agh_status Dispatcher::Impl::progress(std::string_view plugin, agh_req id, std::string_view text)
{
    Slot* slot = slots.at(id);
    if (!slot) return AGH_E_STALE;
    if (const agh_status status = ended(Slots::look(*slot, id, plugin)); status != AGH_OK) return status;
    if (text.size() > progress_bytes || !json::valid_object(text)) return AGH_E_INVALID;
    {
        const std::lock_guard lock{slots.flow_mutex(id)};
        slot->flow_used.store(true); // before the look: see Slots::release
        if (const agh_status status = ended(Slots::look(*slot, id, plugin)); status != AGH_OK) return status;
        if (!slot->flow) slot->flow = std::make_unique<Flow>();
        slot->flow->progress = text;
        if (std::exchange(slot->flow->progress_queued, true)) return AGH_OK;
    }
    bool post = false;
    {
        const std::lock_guard lock{inbox.mutex};
        inbox.content.flows.push_back(id);
        post = !std::exchange(inbox.posted, true);
    }
    wake(post);
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
        flow.progress_first = flow.progress.has_value();
        flow.chunks.push_back({channel, offset, std::string{bytes}});
        flow.bytes += bytes.size();
        if (std::exchange(flow.stream_queued, true)) return AGH_OK;
    }
    bool post = false;
    {
        const std::lock_guard lock{inbox.mutex};
        inbox.content.flows.push_back(id);
        post = !std::exchange(inbox.posted, true);
    }
    wake(post);
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
        std::deque<Flow::Chunk> chunks;
        {
            const std::lock_guard lock{slots.flow_mutex(id)};
            if (!slot.flow) return true;
            slot.flow->stream_queued = !slot.flow->chunks.empty();
            if (!slot.flow->stream_queued) return true;
            chunks.swap(slot.flow->chunks);
        }
        // A nested call has no peer, an answered or abandoned one no listener: its bytes go nowhere, and the
        // offsets say so.
        const bool heard = r.depth == 0 && !r.answered && peer && peer->connected();
        std::size_t gone = 0;
        while (!chunks.empty()) {
            const Flow::Chunk& chunk = chunks.front();
            if (heard && !peer->on_stream({.id = r.wire_id,
                                           .channel = chunk.channel,
                                           .offset = chunk.offset,
                                           .bytes = chunk.bytes}))
                break;
            gone += chunk.bytes.size();
            chunks.pop_front();
        }
        through = chunks.empty();
        bool writable_due = false;
        {
            const std::lock_guard lock{slots.flow_mutex(id)};
            Flow& flow = *slot.flow;
            flow.bytes -= gone;
            for (; !chunks.empty(); chunks.pop_back())
                flow.chunks.push_front(std::move(chunks.back())); // before what came meanwhile
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
    std::string text;
    {
        const std::lock_guard lock{slots.flow_mutex(r.id)};
        if (!slot.flow || !slot.flow->progress) return;
        const auto t = now();
        if (!slot.flow->progress_first && r.progress_at != Clock::time_point::min() &&
            t < r.progress_at + progress_every) {
            pauses.set(r.index, r.progress_at + progress_every);
            return; // progress_queued stays: the pause looks again
        }
        text = std::move(*slot.flow->progress);
        slot.flow->progress.reset();
        slot.flow->progress_queued = slot.flow->progress_first = false;
        r.progress_at = t;
    }
    if (r.depth == 0 && !r.answered && r.caller->caller && r.caller->caller->connected())
        r.caller->caller->on_progress({.id = r.wire_id, .json = text});
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
