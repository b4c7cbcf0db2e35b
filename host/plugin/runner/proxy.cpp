#include "proxy.hpp"

#include "spawn.hpp"

#include <agenthost/error.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>

namespace agenthost::host::runner {

namespace {

constexpr int destroy_patience_ms = 10'000; // as a manifest's stop timeout by default
constexpr int exit_patience_ms = 2'000;     // from its last word to its end
constexpr std::size_t open_max = 4096;      // requests at once; dispatch admits far fewer
constexpr std::size_t calls_max = 1024;
constexpr std::size_t held_max = 4 * streams_max; // what waits for the host to have room; an honest runner stays below a quarter

// What a plugin may hand us: files we can read without ever waiting.
bool harmless(const std::vector<kit::Fd>& fds)
{
    for (const kit::Fd& fd : fds) {
        struct stat info {};
        if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
    }
    return true;
}

} // namespace

Proxy::Proxy(RunnerSpec spec, const agh_host_api* api, agh_host* host) : spec_{std::move(spec)}, host_api_{api}, host_{host} {}

Proxy::~Proxy()
{
    if (reader_.joinable()) reader_.join();
}

// --- from the host ---

std::int32_t Proxy::lowest_level() const
{
    const auto* log = service<agh_svc_log>(AGH_SVC_LOG);
    std::int32_t level = AGH_LOG_TRACE;
    while (log != nullptr && level <= AGH_LOG_ERROR && log->enabled(host_, level) == 0) ++level;
    return level;
}

std::string Proxy::create_body(agh_bytes config) const
{
    const auto bit = [&](const char* id, Service which) { return host_api_->service(host_, id) != nullptr ? std::uint32_t{which} : 0u; };
    const auto* state = service<agh_svc_state>(AGH_SVC_STATE);
    return put_create({.library = spec_.library,
                       .plugin_id = spec_.plugin_id,
                       .state_directory = state != nullptr ? to_view(state->directory(host_)) : std::string_view{},
                       .config = to_view(config),
                       .services = bit(AGH_SVC_LOG, svc_log) | bit(AGH_SVC_EVENTS, svc_events) | bit(AGH_SVC_FACTS, svc_facts) |
                                   bit(AGH_SVC_STATE, svc_state) | bit(AGH_SVC_METRICS, svc_metrics) | bit(AGH_SVC_CALL, svc_call),
                       .concurrency = spec_.concurrency,
                       .log_level = log_level_});
}

agh_status Proxy::create(agh_bytes config, agh_error* error)
{
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return detail::fill(error, AGH_E_NOMEM, "INTERNAL", std::string{"cannot make a socketpair for the runner: "} + std::strerror(errno));
    }
    kit::Fd ours{ends[0]}, theirs{ends[1]};
    log_level_ = lowest_level();
    channel_ = std::make_unique<Channel>(std::move(ours));
    {
        const std::scoped_lock lock{mutex_};
        last_operation_ = 1;
        operations_[1] = {};
    }
    reader_ = std::thread{[this, body = create_body(config), theirs = std::move(theirs)]() mutable { run(std::move(body), std::move(theirs)); }};
    return operate(Type::create, {}, error);
}

// Type::create: the reader sends it, this only waits for operation 1.
agh_status Proxy::operate(Type type, std::string_view body, agh_error* error)
{
    std::uint64_t id = 1;
    if (type != Type::create) {
        const std::scoped_lock lock{mutex_};
        if (!dead_.empty()) return detail::fill(error, AGH_E_CLOSED, "INTERNAL", dead_);
        id = ++last_operation_;
        operations_[id] = {};
        if (type == Type::drain) drain_asked_ = true;
    }
    if (type != Type::create) {
        push_log_level();
        channel_->send(Channel::Kind::always, type, id, body);
    }
    std::unique_lock lock{mutex_};
    const auto over = [&] { return operations_[id].done || !dead_.empty(); };
    int limit = static_cast<int>(spec_.life_timeout_ms);
    if (limit == 0 && type == Type::destroy) limit = destroy_patience_ms;
    const bool in_time = limit == 0 ? (changed_.wait(lock, over), true) : changed_.wait_for(lock, std::chrono::milliseconds{limit}, over);
    const Operation said = std::move(operations_[id]);
    operations_.erase(id);
    if (said.done) {
        if (type == Type::create) offers_ = said.offers;
        return said.status == AGH_OK ? AGH_OK : detail::fill(error, said.status, said.code, said.text);
    }
    if (!in_time) return detail::fill(error, AGH_E_DEADLINE, "TIMEOUT", "the runner of " + spec_.plugin_id + " did not answer in time");
    return detail::fill(error, AGH_E_CLOSED, "INTERNAL", dead_);
}

void Proxy::push_log_level()
{
    const std::int32_t now = lowest_level();
    Writer out;
    channel_->send(Channel::Kind::always, Type::log_level, 0, out.i32(now).str());
}

agh_status Proxy::invoke(const agh_request& request, agh_error* error)
{
    Writer out;
    std::vector<int> fds;
    if (!put_request(out, request, fds)) return detail::fill(error, AGH_E_INVALID, "INVALID_REQUEST", "more than 64 blobs in one request");
    {
        const std::scoped_lock lock{mutex_};
        if (!dead_.empty()) return detail::fill(error, AGH_E_CLOSED, "INTERNAL", dead_);
        if (open_.size() >= open_max) return detail::fill(error, AGH_E_BUSY, "BUSY", spec_.plugin_id + " has too many open requests. Try again later.");
        open_[request.id] = std::make_shared<Open>();
    }
    const Channel::Sent sent = channel_->send(Channel::Kind::bounded, Type::invoke, request.id, out.str(), fds);
    if (sent == Channel::Sent::ok) return AGH_PENDING;
    {
        const std::scoped_lock lock{mutex_};
        if (open_.erase(request.id) == 0) return AGH_PENDING; // it died meanwhile, and the request has been answered
    }
    if (sent == Channel::Sent::full) return detail::fill(error, AGH_E_BUSY, "BUSY", "the runner of " + spec_.plugin_id + " does not read. Try again later.");
    if (sent == Channel::Sent::too_large) return detail::fill(error, AGH_E_INVALID, "INVALID_REQUEST", "params too large for an isolated plugin (16 MiB)");
    return detail::fill(error, AGH_E_CLOSED, "INTERNAL", "the runner of " + spec_.plugin_id + " is gone");
}

void Proxy::cancel(agh_req id)
{
    channel_->send(Channel::Kind::always, Type::cancel, id, {});
    const std::scoped_lock lock{mutex_};
    const auto found = open_.find(id);
    if (found == open_.end()) return;
    found->second->cancelled = true;
    look_at_.push_back(id);
    channel_->wake();
}

void Proxy::writable(agh_req id)
{
    const std::scoped_lock lock{mutex_};
    if (!open_.contains(id)) return;
    look_at_.push_back(id);
    channel_->wake();
}

void Proxy::destroy(bool ask)
{
    {
        const std::scoped_lock lock{mutex_};
        destroying_ = true;
    }
    const bool well = ask && operate(Type::destroy, {}, nullptr) == AGH_OK;
    given_up_ = !well;
    channel_->shut_down();
    channel_->wake();
    reader_.join();
}

// --- the reader thread ---

void Proxy::run(std::string create, kit::Fd theirs)
{
    std::string why;
    const pid_t pid = spawn_runner(spec_.runner_program, theirs.get(), why);
    theirs.reset();
    if (pid < 0) {
        const std::scoped_lock lock{mutex_};
        destroying_ = true; // never was: nobody is to be told but the waiting create()
        dead_ = why;
        changed_.notify_all();
        return;
    }
    pid_ = pid;
    channel_->send(Channel::Kind::always, Type::create, 1, create);
    const std::string last = serve();
    channel_->shut_down();
    const std::string how = bury(pid, last.empty() && !given_up_ ? exit_patience_ms : 0);
    pid_ = 0;
    std::string words = "the runner of " + spec_.plugin_id + " (pid " + std::to_string(pid) + ") died: " + how;
    if (!last.empty()) words = "the runner of " + spec_.plugin_id + " (pid " + std::to_string(pid) + ") was ended: it sent " + last;
    end(words);
}

std::string Proxy::serve()
{
    Frame frame;
    std::string why;
    for (;;) {
        Channel::Got got{};
        while ((got = channel_->next(frame)) == Channel::Got::frame) {
            if (!handle(frame, why)) return why;
        }
        if (got == Channel::Got::garbage) return channel_->why();
        if (got == Channel::Got::closed || !channel_->flush()) return {};
        go_on_with_streams();
        std::array<pollfd, 2> fds{pollfd{channel_->fd(), static_cast<short>(channel_->wants_write() ? POLLIN | POLLOUT : POLLIN), 0},
                                  pollfd{channel_->wake_fd(), POLLIN, 0}};
        ::poll(fds.data(), fds.size(), -1);
        if (fds[1].revents != 0) channel_->drain_wake();
    }
}

// Everything that waited hears that it waits in vain.
void Proxy::end(const std::string& why)
{
    std::unordered_map<agh_req, std::shared_ptr<Open>> open;
    bool tell = false;
    {
        const std::scoped_lock lock{mutex_};
        dead_ = why;
        open.swap(open_);
        tell = created_ && !destroying_;
        changed_.notify_all();
    }
    for (auto& [id, request] : open) {
        if (request->answer) give_answer(id, *request->answer); // it had finished; only its output was held up
        else fail(id, AGH_E_INTERNAL, AGH_REPLY_UNKNOWN, "INTERNAL", why + ". What it was doing may be half done.");
    }
    if (tell && spec_.on_death) spec_.on_death(why);
}

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
    if (!good) why = "a message that makes no sense (type " + std::to_string(static_cast<int>(frame.header.type)) + ")";
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
    if (found == operations_.end()) return true; // its caller ran out of patience
    if (id == 1 && status == AGH_OK) created_ = true;
    found->second = {.done = true, .status = status, .code = error.code, .text = error.text, .offers = offers};
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
    fail(id, status, status == AGH_E_BUSY ? std::uint32_t{AGH_REPLY_NOT_STARTED} : 0u, error.code, error.text);
    return true;
}

bool Proxy::on_complete(Frame& frame)
{
    const std::shared_ptr<Open> request = open(frame.header.id);
    if (request == nullptr) return true; // its answer was given when it died, or it never was: nothing of ours
    if (request->answer) return false;   // the runner's own book-keeping lets no second one through
    Reader in{frame.body};
    agh_reply reply{};
    std::vector<agh_blob> blobs;
    if (!get_reply(in, frame.raw_fds(), reply, blobs) || !in.done()) return false;
    if ((held_ += frame.body.size()) > held_max) return false;
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
    if (request->answer) return false;                                                     // output after the end
    if (request->bytes > 0 && request->bytes + bytes.size() > stream_window) return false; // beyond its credit
    if ((held_ += bytes.size()) > held_max) return false;
    request->bytes += bytes.size();
    request->chunks.push_back({channel, offset, std::string{bytes}});
    flush_stream(id, *request);
    return true;
}

void Proxy::go_on_with_streams()
{
    std::vector<agh_req> ids;
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
    const bool given_up = request.cancelled && request.answer; // nobody waits for the rest of the output any more
    while (!request.chunks.empty()) {
        const Chunk& chunk = request.chunks.front();
        const agh_status said = host_api_->stream(host_, id, chunk.channel, chunk.offset, to_bytes(chunk.bytes));
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
    for (const kit::Fd& fd : answer.fds) fds.push_back(fd.get());
    Reader in{answer.body};
    agh_reply reply{};
    std::vector<agh_blob> blobs;
    if (!get_reply(in, fds, reply, blobs) || !harmless(answer.fds)) {
        fail(id, AGH_E_INTERNAL, 0, "INTERNAL", spec_.plugin_id + " answered with a descriptor that is no regular file");
        return;
    }
    for (kit::Fd& fd : answer.fds) fd.release(); // the host's now, whatever it says
    if (host_api_->complete(host_, id, &reply) == AGH_E_INVALID) {
        fail(id, AGH_E_INTERNAL, 0, "INTERNAL", spec_.plugin_id + " answered with something that is no JSON");
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
    const agh_status said = metrics == nullptr ? AGH_E_UNSUPPORTED : metrics->define(host_, to_bytes(json), &metric);
    Writer out;
    channel_->send(Channel::Kind::always, Type::defined, id, out.i32(said).u32(metric).str());
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
    if (parent != 0 && open(parent) == nullptr) said = AGH_E_STALE; // never in another plugin's name
    {
        const std::scoped_lock lock{mutex_};
        if (calls_ >= calls_max) said = AGH_E_BUSY;
        else if (said == AGH_OK) ++calls_;
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
                if (fits) proxy->channel_->send(Channel::Kind::always, Type::call_result, mine->id, out.str(), fds);
                const std::scoped_lock lock{proxy->mutex_};
                --proxy->calls_;
            }
            for (const int fd : fds) ::close(fd); // the runner has its own now
        };
        said = calls->call(host_, parent, to_bytes(action), to_bytes(params), timeout, on_result, waiting.get());
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

void Proxy::fail(agh_req id, agh_status status, std::uint32_t flags, std::string_view code, std::string_view text)
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
