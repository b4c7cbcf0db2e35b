// The host as the plugin in a runner sees it. Decides locally whatever it can: whether a request is still
// open, how much output may be in flight, whether text is JSON. Nothing here waits for the host; calls that
// do are in runner_asks.cpp.
#include "runner.hpp"

#include <agenthost/ext/call.h>
#include <agenthost/ext/events.h>
#include <agenthost/ext/facts.h>
#include <agenthost/ext/log.h>
#include <agenthost/ext/log_tap.h>
#include <agenthost/ext/loop.h>
#include <agenthost/ext/metrics.h>
#include <agenthost/ext/network.h>
#include <agenthost/ext/state.h>
#include <agenthost/testing/json_check.hpp>

#include <unistd.h>

#include <ctime>

namespace agenthost::host::runner {

namespace {

using testing::JsonCheck;

constexpr std::size_t max_facts = 64, max_fact_bytes = 64u << 10; // ext/facts.h
constexpr std::size_t max_calls = 1024;
// Bytes of a frame besides its text.
constexpr std::size_t envelope = 4096;

bool past(std::uint64_t deadline_ns)
{
    if (deadline_ns == 0) return false;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec) >
           deadline_ns;
}

// The host owns the descriptors of a reply or event whatever the outcome, so ours are closed even if sending
// fails.
class Closing {
public:
    explicit Closing(const agh_reply& reply) : reply_{reply} {}
    Closing(const Closing&) = delete;
    Closing& operator=(const Closing&) = delete;
    ~Closing()
    {
        for (std::size_t i = 0; i < reply_.blob_count; ++i) {
            const int fd = detail::blob_at(reply_.blobs, reply_.blob_stride, i).fd;
            if (fd >= 0) ::close(fd);
        }
    }

private:
    const agh_reply& reply_;
};

} // namespace

agh_status Runner::complete(agh_req id, const agh_reply& reply)
{
    const Closing closing{reply};
    const std::string_view json = to_view(reply.json);
    const bool ok = reply.status == AGH_OK ? json.empty() || JsonCheck::valid(json)
                                           : reply.status < 0 && JsonCheck::object(json);
    Writer out;
    std::vector<int> fds;
    const bool fits = put_reply(out, reply, fds) && out.str().size() <= max_frame;
    bool late = false;
    {
        const std::scoped_lock lock{mutex_};
        const auto found = requests_.find(id);
        if (found == requests_.end()) return AGH_E_STALE;
        if (!ok || !fits) return AGH_E_INVALID;
        late = past(found->second.deadline_ns);
        requests_.erase(found);
        blocked_.erase(id);
    }
    const agh_status sent =
        to_status(channel_.send(Channel::Kind::always, Type::complete, id, out.str(), fds));
    return sent == AGH_OK && late ? AGH_E_DEADLINE : sent;
}

agh_status Runner::progress(agh_req id, std::string_view json)
{
    if (!JsonCheck::object(json)) return AGH_E_INVALID;
    {
        const std::scoped_lock lock{mutex_};
        if (!requests_.contains(id)) return AGH_E_STALE;
    }
    Writer out;
    return to_status(channel_.send(Channel::Kind::bounded, Type::progress, id, out.text(json).str()));
}

agh_status Runner::stream(agh_req id, std::uint32_t channel, std::uint64_t offset, std::string_view bytes)
{
    if (bytes.size() > max_frame - envelope) return AGH_E_INVALID;
    // Held while sending, so that a request's output is sent in order and before complete().
    const std::scoped_lock lock{mutex_};
    const auto found = requests_.find(id);
    if (found == requests_.end()) return AGH_E_STALE;
    Request& request = found->second;
    if (request.stream_status < 0) return request.stream_status;
    const bool own_full = request.under_way > 0 && request.under_way + bytes.size() > stream_window;
    const bool all_full = under_way_ > 0 && under_way_ + bytes.size() > max_streams;
    if (own_full || all_full) {
        blocked_.insert(id);
        return AGH_E_BUSY;
    }
    Writer out;
    out.u32(channel).u64(offset).text(bytes);
    const agh_status sent = to_status(channel_.send(Channel::Kind::always, Type::stream, id, out.str()));
    if (sent != AGH_OK) return sent;
    request.under_way += bytes.size();
    under_way_ += bytes.size();
    return AGH_OK;
}

bool Runner::cancelled(agh_req id)
{
    const std::scoped_lock lock{mutex_};
    const auto found = requests_.find(id);
    return found == requests_.end() || found->second.cancelled || past(found->second.deadline_ns);
}

void Runner::log(std::int32_t level, std::string_view message, std::string_view fields)
{
    if (level < log_level_ || level > AGH_LOG_ERROR) return;
    Writer out;
    out.i32(std::max<std::int32_t>(level, AGH_LOG_TRACE)).text(message).text(fields);
    if (channel_.send(Channel::Kind::bounded, Type::log, 0, out.str()) != Channel::Sent::ok) {
        ++lost_lines_;
        return;
    }
    const std::uint64_t lost = lost_lines_.exchange(0);
    if (lost == 0) return;
    Writer said;
    said.i32(AGH_LOG_WARN)
        .text(std::to_string(lost) + " lines of the log were lost: the host did not read")
        .text(std::string_view{});
    channel_.send(Channel::Kind::bounded, Type::log, 0, said.str());
}

agh_status Runner::emit(std::string_view topic, std::string_view audience, agh_req origin,
                        const agh_reply& body)
{
    const Closing closing{body};
    const std::string_view json = to_view(body.json);
    if (body.status != AGH_OK || (!json.empty() && !JsonCheck::valid(json))) return AGH_E_INVALID;
    Writer out;
    std::vector<int> fds;
    out.text(topic).text(audience);
    if (!put_reply(out, body, fds)) return AGH_E_INVALID;
    return to_status(channel_.send(Channel::Kind::bounded, Type::emit, origin, out.str(), fds));
}

agh_status Runner::publish(std::string_view key, std::string_view json)
{
    if (!json.empty() && !JsonCheck::valid(json)) return AGH_E_INVALID;
    if (json.size() > max_fact_bytes) return AGH_E_BUSY;
    {
        const std::scoped_lock lock{mutex_};
        const auto found = facts_.find(key);
        if (json.empty() && found != facts_.end()) facts_.erase(found);
        if (!json.empty() && found == facts_.end()) {
            if (facts_.size() >= max_facts) return AGH_E_BUSY;
            facts_.emplace(key);
        }
    }
    Writer out;
    return to_status(channel_.send(Channel::Kind::bounded, Type::publish, 0, out.text(key).text(json).str()));
}

agh_status Runner::call(agh_req parent, std::string_view action, std::string_view params,
                        std::uint64_t timeout_ns, void (*on_result)(void*, const agh_reply*), void* ctx)
{
    if (!JsonCheck::object(params)) return AGH_E_INVALID;
    std::uint64_t id = 0;
    {
        const std::scoped_lock lock{mutex_};
        if (parent != 0 && !requests_.contains(parent)) return AGH_E_STALE;
        if (calls_.size() >= max_calls) return AGH_E_BUSY;
        id = ++last_id_;
        calls_[id] = {on_result, ctx};
    }
    Writer out;
    out.u64(parent).u64(timeout_ns).text(action).text(params);
    const agh_status sent = to_status(channel_.send(Channel::Kind::bounded, Type::call, id, out.str()));
    if (sent == AGH_OK) return AGH_PENDING; // a refusal arrives as the result
    const std::scoped_lock lock{mutex_};
    calls_.erase(id);
    return sent;
}

// --- the tables ---

struct Runner::HostTables {
    // Only allocation can fail here; the plugin gets an error, not an exception.
    template <class Do> static agh_status guarded(Do what) noexcept
    {
        try {
            return what();
        } catch (...) {
            return AGH_E_NOMEM;
        }
    }
    static Runner& of(agh_host* host) { return *reinterpret_cast<Runner*>(host); }

    // Rejects a null pointer with a size, instead of following it.
    template <class... Texts> static bool sound(Texts... texts)
    {
        return ((texts.data != nullptr || texts.size == 0) && ...);
    }
    static bool sound(const agh_reply* r)
    {
        constexpr std::size_t min_reply = offsetof(agh_reply, blob_stride) + sizeof(agh_reply::blob_stride);
        constexpr std::size_t min_blob = offsetof(agh_blob, media_type) + sizeof(agh_blob::media_type);
        if (r == nullptr || r->size < min_reply || r->status > 0 || !sound(r->json)) return false;
        return r->blob_count == 0 ||
               (r->blobs != nullptr && r->blob_count <= max_blobs && r->blob_stride >= min_blob);
    }

    static const void* service(agh_host* h, const char* id)
    {
        return id == nullptr ? nullptr : of(h).service(id);
    }
    static agh_status complete(agh_host* h, agh_req id, const agh_reply* r)
    {
        if (!sound(r)) return AGH_E_INVALID;
        return guarded([&] { return of(h).complete(id, *r); });
    }
    static agh_status progress(agh_host* h, agh_req id, agh_bytes j)
    {
        if (!sound(j)) return AGH_E_INVALID;
        return guarded([&] { return of(h).progress(id, to_view(j)); });
    }
    static agh_status stream(agh_host* h, agh_req id, std::uint32_t channel, std::uint64_t offset,
                             agh_bytes b)
    {
        if (!sound(b)) return AGH_E_INVALID;
        return guarded([&] { return of(h).stream(id, channel, offset, to_view(b)); });
    }
    static std::int32_t cancelled(agh_host* h, agh_req id) { return of(h).cancelled(id) ? 1 : 0; }
    static void drained(agh_host* h) { of(h).channel_.send(Channel::Kind::always, Type::drained, 0, {}); }

    static std::int32_t enabled(agh_host* h, std::int32_t level) { return level >= of(h).log_level_ ? 1 : 0; }
    static void write(agh_host* h, std::int32_t level, agh_bytes m, agh_bytes f)
    {
        if (!sound(m, f)) return;
        guarded([&] { return of(h).log(level, to_view(m), to_view(f)), agh_status{AGH_OK}; });
    }
    static agh_status emit(agh_host* h, agh_bytes topic, agh_bytes audience, agh_req origin,
                           const agh_reply* r)
    {
        if (!sound(r) || !sound(topic, audience)) return AGH_E_INVALID;
        return guarded([&] { return of(h).emit(to_view(topic), to_view(audience), origin, *r); });
    }
    static agh_status publish(agh_host* h, agh_bytes key, agh_bytes json)
    {
        if (!sound(key, json) || key.size == 0) return AGH_E_INVALID;
        return guarded([&] { return of(h).publish(to_view(key), to_view(json)); });
    }
    static agh_bytes directory(agh_host* h) { return to_bytes(of(h).state_directory_); }
    static agh_status define(agh_host* h, agh_bytes json, std::uint32_t* id)
    {
        if (!sound(json) || id == nullptr) return AGH_E_INVALID;
        return guarded([&] { return of(h).define(to_view(json), id); });
    }
    static agh_status read_log(agh_host* h, std::int32_t level, std::uint64_t* position, char* buffer,
                               std::size_t* size, std::uint64_t* lost)
    {
        if (position == nullptr || buffer == nullptr || size == nullptr || lost == nullptr ||
            *size < AGH_LOG_TAP_BYTES || level < AGH_LOG_TRACE || level > AGH_LOG_ERROR)
            return AGH_E_INVALID;
        return guarded([&] { return of(h).read_log(level, position, buffer, size, lost); });
    }
    static agh_status network(agh_host* h, agh_req origin, char* buffer, std::size_t* size)
    {
        if (buffer == nullptr || size == nullptr || *size < AGH_NETWORK_BYTES) return AGH_E_INVALID;
        return guarded([&] { return of(h).network(origin, buffer, size); });
    }
    static void record(agh_host* h, std::uint32_t id, double value)
    {
        guarded([&] {
            Writer out;
            of(h).channel_.send(Channel::Kind::bounded, Type::record, id, out.f64(value).str());
            return agh_status{AGH_OK};
        });
    }
    static agh_status call(agh_host* h, agh_req parent, agh_bytes action, agh_bytes params,
                           std::uint64_t timeout, void (*on_result)(void*, const agh_reply*), void* ctx)
    {
        if (!sound(action, params) || on_result == nullptr) return AGH_E_INVALID;
        return guarded(
            [&] { return of(h).call(parent, to_view(action), to_view(params), timeout, on_result, ctx); });
    }
    static agh_status timer(agh_host* h, std::uint64_t delay, std::uint64_t period, std::uint64_t cookie,
                            agh_task* t)
    {
        if (t == nullptr) return AGH_E_INVALID;
        return guarded([&] { return of(h).loop_.timer(delay, period, cookie, t); });
    }
    static agh_status watch(agh_host* h, std::int32_t fd, std::uint32_t events, std::uint64_t cookie,
                            agh_task* t)
    {
        if (t == nullptr) return AGH_E_INVALID;
        return guarded([&] { return of(h).loop_.watch(fd, events, cookie, t); });
    }
    static agh_status post(agh_host* h, std::uint64_t cookie)
    {
        return guarded([&] { return of(h).loop_.post(cookie); });
    }
    static agh_status cancel(agh_host* h, agh_task task)
    {
        return guarded([&] { return of(h).loop_.cancel(task); });
    }

    static constexpr agh_host_api api{sizeof(agh_host_api),
                                      AGH_ABI_MAJOR,
                                      AGH_ABI_MINOR,
                                      0,
                                      service,
                                      complete,
                                      progress,
                                      stream,
                                      cancelled,
                                      drained};
    static constexpr agh_svc_log log{sizeof(agh_svc_log), 0, enabled, write};
    static constexpr agh_svc_log_tap log_tap{sizeof(agh_svc_log_tap), 0, read_log};
    static constexpr agh_svc_network networks{sizeof(agh_svc_network), 0, network};
    static constexpr agh_svc_events events{sizeof(agh_svc_events), 0, emit};
    static constexpr agh_svc_facts facts{sizeof(agh_svc_facts), 0, publish};
    static constexpr agh_svc_state state{sizeof(agh_svc_state), 0, directory};
    static constexpr agh_svc_metrics metrics{sizeof(agh_svc_metrics), 0, define, record};
    static constexpr agh_svc_call calls{sizeof(agh_svc_call), 0, call};
    static constexpr agh_svc_loop loop{sizeof(agh_svc_loop), 0, timer, watch, post, cancel};
};

const agh_host_api* Runner::host_api() { return &HostTables::api; }

const void* Runner::service(std::string_view id) const
{
    const auto offered = [&](Service which, const void* table) {
        return (services_ & which) != 0 ? table : nullptr;
    };
    if (id == AGH_SVC_LOOP) return &HostTables::loop;
    if (id == AGH_SVC_LOG) return offered(svc_log, &HostTables::log);
    if (id == AGH_SVC_EVENTS) return offered(svc_events, &HostTables::events);
    if (id == AGH_SVC_FACTS) return offered(svc_facts, &HostTables::facts);
    if (id == AGH_SVC_STATE) return offered(svc_state, &HostTables::state);
    if (id == AGH_SVC_METRICS) return offered(svc_metrics, &HostTables::metrics);
    if (id == AGH_SVC_LOG_TAP) return offered(svc_log_tap, &HostTables::log_tap);
    if (id == AGH_SVC_NETWORK) return offered(svc_network, &HostTables::networks);
    if (id == AGH_SVC_CALL) return offered(svc_call, &HostTables::calls);
    return nullptr; // listener/1 needs the host's process
}

} // namespace agenthost::host::runner
