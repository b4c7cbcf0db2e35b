// Handles the runner's messages, one function per message. On the reader thread; each returns false for an
// invalid message.
#include "proxy.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace agenthost::host::runner {

namespace {

constexpr std::size_t max_calls = 1024;
// Bytes that wait until the host accepts them; a correct runner stays below a quarter.
constexpr std::size_t max_held = 4 * max_streams;

// Whether all descriptors are files that can be read without blocking.
bool harmless(const std::vector<base::Fd>& fds)
{
    for (const base::Fd& fd : fds) {
        struct stat info {};
        if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
    }
    return true;
}

} // namespace

bool Proxy::handle(Frame& frame, std::string& why)
{
    Reader in{frame.body};
    const std::uint64_t id = frame.header.id;
    bool good = false;
    switch (frame.header.type) {
    case Type::done: good = on_done(in, id); break;
    case Type::refused: good = on_refused(in, id); break;
    case Type::complete: good = on_complete(frame); break;
    case Type::stream: good = on_stream(in, id); break;
    case Type::emit: good = on_emit(frame); break;
    case Type::call: good = on_call(in, id); break;
    case Type::define: good = on_define(in, id); break;
    case Type::read_log: good = on_read_log(in, id); break;
    case Type::ask_network: good = on_ask_network(in, id); break;
    case Type::progress: {
        const std::string_view json = in.text();
        good = in.done();
        if (good && open(id) != nullptr) host_api_->progress(host_, id, to_bytes(json));
        break;
    }
    case Type::drained: {
        bool asked = false;
        {
            const std::scoped_lock lock{mutex_};
            asked = std::exchange(drain_asked_, false);
        }
        good = frame.body.empty();
        if (good && asked) host_api_->drained(host_);
        break;
    }
    case Type::log: {
        const std::int32_t level = in.i32();
        const std::string_view message = in.text(), fields = in.text();
        const auto* log = service<agh_svc_log>(AGH_SVC_LOG);
        good = in.done() && level >= AGH_LOG_TRACE && level <= AGH_LOG_ERROR;
        if (good && log != nullptr) log->write(host_, level, to_bytes(message), to_bytes(fields));
        break;
    }
    case Type::publish: {
        const std::string_view key = in.text(), json = in.text();
        const auto* facts = service<agh_svc_facts>(AGH_SVC_FACTS);
        good = in.done();
        if (good && facts != nullptr) facts->publish(host_, to_bytes(key), to_bytes(json));
        break;
    }
    case Type::record: {
        const double value = in.f64();
        const auto* metrics = service<agh_svc_metrics>(AGH_SVC_METRICS);
        good = in.done() && id <= UINT32_MAX;
        if (good && metrics != nullptr) metrics->record(host_, static_cast<std::uint32_t>(id), value);
        break;
    }
    default: break;
    }
    if (!good) why = "an invalid message (type " + std::to_string(static_cast<int>(frame.header.type)) + ")";
    return good;
}

bool Proxy::on_done(Reader& in, std::uint64_t id)
{
    agh_error error{.size = sizeof(agh_error), .status = AGH_OK, .code = {}, .text = {}};
    const agh_status status = get_error(in, &error);
    const std::uint32_t offers = in.u32();
    if (!in.done() || status > AGH_OK) return false;
    const std::scoped_lock lock{mutex_};
    const auto found = operations_.find(id);
    if (found == operations_.end()) return true; // its caller timed out
    if (id == 1 && status == AGH_OK) created_ = true;
    found->second = {
        .done = true, .status = status, .code = error.code, .text = error.text, .offers = offers};
    changed_.notify_all();
    return true;
}

bool Proxy::on_refused(Reader& in, agh_req id)
{
    agh_error error{.size = sizeof(agh_error), .status = AGH_OK, .code = {}, .text = {}};
    const agh_status status = get_error(in, &error);
    if (!in.done() || status >= AGH_OK) return false;
    const std::shared_ptr<Open> request = open(id);
    if (request == nullptr) return true;
    if (request->bytes > 0) give_credit(id, request->bytes, AGH_E_STALE);
    forget(id);
    fail(id, status, status == AGH_E_BUSY ? std::uint32_t{AGH_REPLY_NOT_STARTED} : 0u, error.code,
         error.text);
    return true;
}

bool Proxy::on_complete(Frame& frame)
{
    const std::shared_ptr<Open> request = open(frame.header.id);
    if (request == nullptr) return true; // answered when the runner died, or unknown: ignore it
    if (request->answer) return false;   // a correct runner never sends a second answer
    Reader in{frame.body};
    agh_reply reply{};
    std::vector<agh_blob> blobs;
    if (!get_reply(in, frame.raw_fds(), reply, blobs) || !in.done()) return false;
    if ((held_ += frame.body.size()) > max_held) return false;
    request->answer = Answer{std::string{frame.body}, std::move(frame.fds)};
    if (flush_stream(frame.header.id, *request)) forget(frame.header.id);
    return true;
}

bool Proxy::on_stream(Reader& in, agh_req id)
{
    const std::uint32_t channel = in.u32();
    const std::uint64_t offset = in.u64();
    const std::string_view bytes = in.text();
    if (!in.done()) return false;
    const std::shared_ptr<Open> request = open(id);
    if (request == nullptr) {
        give_credit(id, bytes.size(), AGH_E_STALE);
        return true;
    }
    if (request->answer) return false; // output after the end
    if (request->bytes > 0 && request->bytes + bytes.size() > stream_window)
        return false; // beyond its credit
    if ((held_ += bytes.size()) > max_held) return false;
    request->bytes += bytes.size();
    request->chunks.push_back({channel, offset, std::string{bytes}});
    flush_stream(id, *request);
    return true;
}

void Proxy::go_on_with_streams()
{
    std::set<agh_req> ids;
    {
        const std::scoped_lock lock{mutex_};
        ids.swap(look_at_);
    }
    for (const agh_req id : ids) {
        const std::shared_ptr<Open> request = open(id);
        if (request != nullptr && flush_stream(id, *request)) forget(id);
    }
}

bool Proxy::flush_stream(agh_req id, Open& request)
{
    const bool given_up = request.cancelled && request.answer; // the rest of the output is no longer needed
    while (!request.chunks.empty()) {
        const Chunk& chunk = request.chunks.front();
        const agh_status said =
            host_api_->stream(host_, id, chunk.channel, chunk.offset, to_bytes(chunk.bytes));
        if (said == AGH_E_BUSY && !given_up) return false;
        const std::size_t size = chunk.bytes.size();
        request.bytes -= size;
        held_ -= size;
        request.chunks.pop_front();
        give_credit(id, size, said == AGH_E_BUSY ? AGH_E_CANCELLED : said);
    }
    if (!request.answer) return false;
    held_ -= request.answer->body.size();
    give_answer(id, *request.answer);
    return true;
}

void Proxy::give_credit(agh_req id, std::size_t bytes, agh_status said)
{
    Writer out;
    channel_->send(Channel::Kind::always, Type::credit, id, out.u64(bytes).i32(said).str());
}

void Proxy::give_answer(agh_req id, Answer& answer)
{
    std::vector<int> fds;
    for (const base::Fd& fd : answer.fds) fds.push_back(fd.get());
    Reader in{answer.body};
    agh_reply reply{};
    std::vector<agh_blob> blobs;
    if (!get_reply(in, fds, reply, blobs) || !harmless(answer.fds)) {
        fail(id, AGH_E_INTERNAL, 0, "INTERNAL",
             spec_.plugin_id + " answered with a descriptor that is not a regular file");
        return;
    }
    for (base::Fd& fd : answer.fds) fd.release(); // the host owns them now, whatever it returns
    if (host_api_->complete(host_, id, &reply) == AGH_E_INVALID) {
        fail(id, AGH_E_INTERNAL, 0, "INTERNAL", spec_.plugin_id + " answered with invalid JSON");
    }
}

bool Proxy::on_emit(Frame& frame)
{
    Reader in{frame.body};
    const std::string_view topic = in.text(), audience = in.text();
    agh_reply body{};
    std::vector<agh_blob> blobs;
    if (!get_reply(in, frame.raw_fds(), body, blobs) || !in.done()) return false;
    const agh_req origin = frame.header.id;
    if (origin != 0 && open(origin) == nullptr) return true; // over, or another plugin's
    const auto* events = service<agh_svc_events>(AGH_SVC_EVENTS);
    if (events == nullptr || !harmless(frame.fds)) return true;
    frame.release_fds();
    events->emit(host_, to_bytes(topic), to_bytes(audience), origin, &body);
    return true;
}

bool Proxy::on_define(Reader& in, std::uint64_t id)
{
    const std::string_view json = in.text();
    if (!in.done()) return false;
    std::uint32_t metric = 0;
    const auto* metrics = service<agh_svc_metrics>(AGH_SVC_METRICS);
    const agh_status said =
        metrics == nullptr ? AGH_E_UNSUPPORTED : metrics->define(host_, to_bytes(json), &metric);
    Writer out;
    channel_->send(Channel::Kind::always, Type::defined, id, out.i32(said).u32(metric).str());
    return true;
}

bool Proxy::on_read_log(Reader& in, std::uint64_t id)
{
    const std::int32_t level = in.i32();
    std::uint64_t position = in.u64(), lost = 0;
    if (!in.done()) return false;
    std::string lines(AGH_LOG_TAP_BYTES, '\0');
    std::size_t size = lines.size();
    const auto* tap = service<agh_svc_log_tap>(AGH_SVC_LOG_TAP);
    const agh_status said =
        tap == nullptr ? AGH_E_UNSUPPORTED : tap->read(host_, level, &position, lines.data(), &size, &lost);
    Writer out;
    out.i32(said).u64(position).u64(lost).text(said == AGH_OK ? std::string_view{lines}.substr(0, size)
                                                              : std::string_view{});
    channel_->send(Channel::Kind::always, Type::log_lines, id, out.str());
    return true;
}

bool Proxy::on_ask_network(Reader& in, std::uint64_t id)
{
    const agh_req origin = in.u64();
    if (!in.done()) return false;
    std::string json(AGH_NETWORK_BYTES, '\0');
    std::size_t size = json.size();
    const auto* network = service<agh_svc_network>(AGH_SVC_NETWORK);
    agh_status said = AGH_E_STALE; // over, or another plugin's
    if (network == nullptr)
        said = AGH_E_UNSUPPORTED;
    else if (open(origin) != nullptr)
        said = network->settings(host_, origin, json.data(), &size);
    Writer out;
    out.i32(said).text(said == AGH_OK ? std::string_view{json}.substr(0, size) : std::string_view{});
    channel_->send(Channel::Kind::always, Type::network_settings, id, out.str());
    return true;
}

bool Proxy::on_call(Reader& in, std::uint64_t id)
{
    const agh_req parent = in.u64();
    const std::uint64_t timeout = in.u64();
    const std::string_view action = in.text(), params = in.text();
    if (!in.done()) return false;
    const auto* calls = service<agh_svc_call>(AGH_SVC_CALL);
    agh_status said = calls == nullptr ? AGH_E_UNSUPPORTED : AGH_OK;
    if (parent != 0 && open(parent) == nullptr)
        said = AGH_E_STALE; // a plugin must not call on behalf of another's request
    {
        const std::scoped_lock lock{mutex_};
        if (calls_ >= max_calls)
            said = AGH_E_BUSY;
        else if (said == AGH_OK)
            ++calls_;
    }
    if (said == AGH_OK) {
        auto waiting = std::make_unique<Call>(Call{weak_from_this(), id});
        const auto on_result = [](void* ctx, const agh_reply* reply) {
            const std::unique_ptr<Call> mine{static_cast<Call*>(ctx)};
            Writer out;
            std::vector<int> fds;
            const bool fits = put_reply(out, *reply, fds);
            const std::shared_ptr<Proxy> proxy = mine->proxy.lock();
            if (proxy) {
                if (fits)
                    proxy->channel_->send(Channel::Kind::always, Type::call_result, mine->id, out.str(), fds);
                const std::scoped_lock lock{proxy->mutex_};
                --proxy->calls_;
            }
            for (const int fd : fds) ::close(fd); // the runner has its own now
        };
        said =
            calls->call(host_, parent, to_bytes(action), to_bytes(params), timeout, on_result, waiting.get());
        if (said == AGH_PENDING) {
            (void)waiting.release(); // on_result's; it may have run already
            return true;
        }
        const std::scoped_lock lock{mutex_};
        --calls_;
    }
    Writer out;
    std::vector<int> none;
    const std::string json = error_json(status_name(said), "the host refused to call " + std::string{action});
    put_reply(out, detail::make_reply(said < 0 ? said : AGH_E_INTERNAL, AGH_REPLY_NOT_STARTED, json), none);
    channel_->send(Channel::Kind::always, Type::call_result, id, out.str());
    return true;
}

void Proxy::fail(agh_req id, agh_status status, std::uint32_t flags, std::string_view code,
                 std::string_view text)
{
    const std::string json = error_json(code.empty() ? status_name(status) : code, text);
    const agh_reply reply = detail::make_reply(status, flags, json);
    host_api_->complete(host_, id, &reply);
}

void Proxy::forget(agh_req id)
{
    const std::scoped_lock lock{mutex_};
    const auto found = open_.find(id);
    if (found == open_.end()) return;
    held_ -= found->second->bytes;
    open_.erase(found);
}

std::shared_ptr<Proxy::Open> Proxy::open(agh_req id)
{
    const std::scoped_lock lock{mutex_};
    const auto found = open_.find(id);
    return found == open_.end() ? nullptr : found->second;
}

} // namespace agenthost::host::runner
