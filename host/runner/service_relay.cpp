#include "service_relay.hpp"

#include "proxy_requests.hpp"

#include <agenthost/error.hpp>
#include <agenthost/ext/call.h>
#include <agenthost/ext/events.h>
#include <agenthost/ext/facts.h>
#include <agenthost/ext/log.h>
#include <agenthost/ext/log_tap.h>
#include <agenthost/ext/metrics.h>
#include <agenthost/ext/network.h>
#include <agenthost/ext/state.h>

#include <unistd.h>

namespace agenthost::host::runner {

namespace {

constexpr std::size_t max_calls = 1024;

} // namespace

// The context of a pending call; owns itself until its result.
struct ServiceRelay::Call {
    std::weak_ptr<ServiceRelay> relay;
    std::uint64_t id;

    static void on_result(void* ctx, const agh_reply* reply)
    {
        const std::unique_ptr<Call> mine{static_cast<Call*>(ctx)};
        Writer out;
        std::vector<int> fds;
        const bool fits = put_reply(out, *reply, fds);
        if (const std::shared_ptr<ServiceRelay> relay = mine->relay.lock()) {
            if (fits)
                relay->channel_->send(Channel::Kind::always, Type::call_result, mine->id, out.str(), fds);
            --relay->calls_;
        }
        for (const int fd : fds) ::close(fd); // the runner has its own now
    }
};

std::uint32_t ServiceRelay::offered() const
{
    const auto bit = [&](const char* id, Service which) {
        return host_api_->service(host_, id) != nullptr ? std::uint32_t{which} : 0u;
    };
    return bit(AGH_SVC_LOG, svc_log) | bit(AGH_SVC_EVENTS, svc_events) | bit(AGH_SVC_FACTS, svc_facts) |
           bit(AGH_SVC_STATE, svc_state) | bit(AGH_SVC_METRICS, svc_metrics) | bit(AGH_SVC_CALL, svc_call) |
           bit(AGH_SVC_LOG_TAP, svc_log_tap) | bit(AGH_SVC_NETWORK, svc_network);
}

std::string ServiceRelay::state_directory() const
{
    const auto* state = service<agh_svc_state>(AGH_SVC_STATE);
    return state != nullptr ? std::string{to_view(state->directory(host_))} : std::string{};
}

std::int32_t ServiceRelay::lowest_log_level() const
{
    const auto* log = service<agh_svc_log>(AGH_SVC_LOG);
    std::int32_t level = AGH_LOG_TRACE;
    while (log != nullptr && level <= AGH_LOG_ERROR && log->enabled(host_, level) == 0) ++level;
    return level;
}

bool ServiceRelay::handle(Frame& frame)
{
    Reader in{frame.body};
    const std::uint64_t id = frame.header.id;
    switch (frame.header.type) {
    case Type::log: return on_log(in);
    case Type::publish: return on_publish(in);
    case Type::record: return on_record(in, id);
    case Type::emit: return on_emit(frame);
    case Type::call: return on_call(in, id);
    case Type::define: return on_define(in, id);
    case Type::read_log: return on_read_log(in, id);
    case Type::ask_network: return on_ask_network(in, id);
    default: return false;
    }
}

bool ServiceRelay::on_log(Reader& in)
{
    const std::int32_t level = in.i32();
    const std::string_view message = in.text(), fields = in.text();
    if (!in.done() || level < AGH_LOG_TRACE || level > AGH_LOG_ERROR) return false;
    if (const auto* log = service<agh_svc_log>(AGH_SVC_LOG))
        log->write(host_, level, to_bytes(message), to_bytes(fields));
    return true;
}

bool ServiceRelay::on_publish(Reader& in)
{
    const std::string_view key = in.text(), json = in.text();
    if (!in.done()) return false;
    if (const auto* facts = service<agh_svc_facts>(AGH_SVC_FACTS))
        facts->publish(host_, to_bytes(key), to_bytes(json));
    return true;
}

bool ServiceRelay::on_record(Reader& in, std::uint64_t id)
{
    const double value = in.f64();
    if (!in.done() || id > UINT32_MAX) return false;
    if (const auto* metrics = service<agh_svc_metrics>(AGH_SVC_METRICS))
        metrics->record(host_, static_cast<std::uint32_t>(id), value);
    return true;
}

bool ServiceRelay::on_emit(Frame& frame)
{
    Reader in{frame.body};
    const std::string_view topic = in.text(), audience = in.text();
    agh_reply body{};
    std::vector<agh_blob> blobs;
    if (!get_reply(in, frame.raw_fds(), body, blobs) || !in.done()) return false;
    const agh_req origin = frame.header.id;
    if (origin != 0 && !is_open_(origin)) return true; // over, or another plugin's
    const auto* events = service<agh_svc_events>(AGH_SVC_EVENTS);
    if (events == nullptr || !regular_files(frame.fds)) return true;
    frame.release_fds();
    events->emit(host_, to_bytes(topic), to_bytes(audience), origin, &body);
    return true;
}

bool ServiceRelay::on_define(Reader& in, std::uint64_t id)
{
    const std::string_view json = in.text();
    if (!in.done()) return false;
    std::uint32_t metric = 0;
    const auto* metrics = service<agh_svc_metrics>(AGH_SVC_METRICS);
    const agh_status status =
        metrics == nullptr ? AGH_E_UNSUPPORTED : metrics->define(host_, to_bytes(json), &metric);
    Writer out;
    channel_->send(Channel::Kind::always, Type::defined, id, out.i32(status).u32(metric).str());
    return true;
}

bool ServiceRelay::on_read_log(Reader& in, std::uint64_t id)
{
    const std::int32_t level = in.i32();
    std::uint64_t position = in.u64(), lost = 0;
    if (!in.done()) return false;
    std::string lines(AGH_LOG_TAP_BYTES, '\0');
    std::size_t size = lines.size();
    const auto* tap = service<agh_svc_log_tap>(AGH_SVC_LOG_TAP);
    const agh_status status =
        tap == nullptr ? AGH_E_UNSUPPORTED : tap->read(host_, level, &position, lines.data(), &size, &lost);
    Writer out;
    out.i32(status).u64(position).u64(lost).text(status == AGH_OK ? std::string_view{lines}.substr(0, size)
                                                                  : std::string_view{});
    channel_->send(Channel::Kind::always, Type::log_lines, id, out.str());
    return true;
}

bool ServiceRelay::on_ask_network(Reader& in, std::uint64_t id)
{
    const agh_req origin = in.u64();
    if (!in.done()) return false;
    std::string json(AGH_NETWORK_BYTES, '\0');
    std::size_t size = json.size();
    const auto* network = service<agh_svc_network>(AGH_SVC_NETWORK);
    agh_status status = AGH_E_STALE; // over, or another plugin's
    if (network == nullptr)
        status = AGH_E_UNSUPPORTED;
    else if (is_open_(origin))
        status = network->settings(host_, origin, json.data(), &size);
    Writer out;
    out.i32(status).text(status == AGH_OK ? std::string_view{json}.substr(0, size) : std::string_view{});
    channel_->send(Channel::Kind::always, Type::network_settings, id, out.str());
    return true;
}

bool ServiceRelay::on_call(Reader& in, std::uint64_t id)
{
    const agh_req parent = in.u64();
    const std::uint64_t timeout_ns = in.u64();
    const std::string_view action = in.text(), params = in.text();
    if (!in.done()) return false;
    const agh_status status = start_call(id, parent, action, params, timeout_ns);
    if (status == AGH_PENDING) return true;
    Writer out;
    std::vector<int> none;
    const std::string json =
        error_json(status_name(status), "the host refused to call " + std::string{action});
    put_reply(out, detail::make_reply(status < 0 ? status : AGH_E_INTERNAL, AGH_REPLY_NOT_STARTED, json),
              none);
    channel_->send(Channel::Kind::always, Type::call_result, id, out.str());
    return true;
}

// AGH_PENDING: Call::on_result follows.
agh_status ServiceRelay::start_call(std::uint64_t id, agh_req parent, std::string_view action,
                                    std::string_view params, std::uint64_t timeout_ns)
{
    const auto* calls = service<agh_svc_call>(AGH_SVC_CALL);
    // Calls are counted on this thread only; results just subtract.
    if (calls_ >= max_calls) return AGH_E_BUSY;
    // A plugin must not call on behalf of another plugin's request.
    if (parent != 0 && !is_open_(parent)) return AGH_E_STALE;
    if (calls == nullptr) return AGH_E_UNSUPPORTED;
    ++calls_;
    auto waiting = std::make_unique<Call>(Call{weak_from_this(), id});
    const agh_status status = calls->call(host_, parent, to_bytes(action), to_bytes(params), timeout_ns,
                                          Call::on_result, waiting.get());
    if (status == AGH_PENDING)
        (void)waiting.release(); // on_result owns it, and may have run already
    else
        --calls_;
    return status;
}

} // namespace agenthost::host::runner
