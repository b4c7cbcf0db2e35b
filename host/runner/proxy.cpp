#include "proxy.hpp"

#include "spawn.hpp"

#include <agenthost/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

namespace agenthost::host::runner {

namespace {

// The default stop timeout of manifests.
constexpr int destroy_patience_ms = 10'000;
// From the runner's last message to its exit.
constexpr int exit_patience_ms = 2'000;
// Open requests; dispatch admits far fewer.
constexpr std::size_t max_open = 4096;

} // namespace

Proxy::Proxy(RunnerSpec spec, const agh_host_api* api, agh_host* host)
    : spec_{std::move(spec)}, host_api_{api}, host_{host}
{}

Proxy::~Proxy()
{
    if (reader_.joinable()) reader_.join();
}

// --- called by the host ---

std::int32_t Proxy::lowest_level() const
{
    const auto* log = service<agh_svc_log>(AGH_SVC_LOG);
    std::int32_t level = AGH_LOG_TRACE;
    while (log != nullptr && level <= AGH_LOG_ERROR && log->enabled(host_, level) == 0) ++level;
    return level;
}

std::string Proxy::create_body(agh_bytes config) const
{
    const auto bit = [&](const char* id, Service which) {
        return host_api_->service(host_, id) != nullptr ? std::uint32_t{which} : 0u;
    };
    const auto* state = service<agh_svc_state>(AGH_SVC_STATE);
    return put_create(
        {.library = spec_.library,
         .plugin_id = spec_.plugin_id,
         .state_directory = state != nullptr ? to_view(state->directory(host_)) : std::string_view{},
         .config = to_view(config),
         .services = bit(AGH_SVC_LOG, svc_log) | bit(AGH_SVC_EVENTS, svc_events) |
                     bit(AGH_SVC_FACTS, svc_facts) | bit(AGH_SVC_STATE, svc_state) |
                     bit(AGH_SVC_METRICS, svc_metrics) | bit(AGH_SVC_CALL, svc_call) |
                     bit(AGH_SVC_LOG_TAP, svc_log_tap) | bit(AGH_SVC_NETWORK, svc_network),
         .concurrency = spec_.concurrency,
         .log_level = log_level_});
}

agh_status Proxy::create(agh_bytes config, agh_error* error)
{
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return detail::fill(error, AGH_E_NOMEM, "INTERNAL",
                            std::string{"cannot make a socketpair for the runner: "} + std::strerror(errno));
    }
    // Above the descriptors that the child sets up.
    base::Fd ours{ends[0]}, theirs{::fcntl(ends[1], F_DUPFD_CLOEXEC, 16)};
    ::close(ends[1]);
    log_level_ = lowest_level();
    channel_ = std::make_unique<Channel>(std::move(ours));
    if (!theirs || channel_->wake_fd() < 0) {
        return detail::fill(error, AGH_E_NOMEM, "INTERNAL",
                            "out of descriptors for the runner. Raise LimitNOFILE.");
    }
    {
        const std::scoped_lock lock{mutex_};
        last_operation_ = 1;
        operations_[1] = {};
    }
    reader_ = std::thread{[this, body = create_body(config), theirs = std::move(theirs)]() mutable {
        run(std::move(body), std::move(theirs));
    }};
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
    const bool in_time = limit == 0 ? (changed_.wait(lock, over), true)
                                    : changed_.wait_for(lock, std::chrono::milliseconds{limit}, over);
    const Operation said = std::move(operations_[id]);
    operations_.erase(id);
    if (said.done) {
        if (type == Type::create) offers_ = said.offers;
        return said.status == AGH_OK ? AGH_OK : detail::fill(error, said.status, said.code, said.text);
    }
    if (!in_time)
        return detail::fill(error, AGH_E_DEADLINE, "TIMEOUT",
                            "the runner of " + spec_.plugin_id + " did not answer in time");
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
    const auto mine = std::make_shared<Open>();
    Writer out;
    std::vector<int> fds;
    if (!put_request(out, request, fds))
        return detail::fill(error, AGH_E_INVALID, "INVALID_REQUEST", "more than 64 blobs in one request");
    {
        const std::scoped_lock lock{mutex_};
        if (!dead_.empty()) return detail::fill(error, AGH_E_CLOSED, "INTERNAL", dead_);
        if (open_.size() >= max_open)
            return detail::fill(error, AGH_E_BUSY, "BUSY",
                                spec_.plugin_id + " has too many open requests. Try again later.");
        open_[request.id] = mine;
    }
    const Channel::Sent sent =
        channel_->send(Channel::Kind::bounded, Type::invoke, request.id, out.str(), fds);
    if (sent == Channel::Sent::ok) {
        mine->sent = true;
        if (mine->cancelled) channel_->send(Channel::Kind::always, Type::cancel, request.id, {});
        return AGH_PENDING;
    }
    {
        const std::scoped_lock lock{mutex_};
        if (open_.erase(request.id) == 0)
            return AGH_PENDING; // the runner died meanwhile, and the request has been answered
    }
    if (sent == Channel::Sent::full)
        return detail::fill(error, AGH_E_BUSY, "BUSY",
                            "the runner of " + spec_.plugin_id + " does not read. Try again later.");
    if (sent == Channel::Sent::too_large)
        return detail::fill(error, AGH_E_INVALID, "INVALID_REQUEST",
                            "params too large for an isolated plugin (16 MiB)");
    return detail::fill(error, AGH_E_CLOSED, "INTERNAL", "the runner of " + spec_.plugin_id + " is gone");
}

void Proxy::cancel(agh_req id)
{
    std::shared_ptr<Open> request;
    {
        const std::scoped_lock lock{mutex_};
        const auto found = open_.find(id);
        if (found == open_.end()) return;
        request = found->second;
        look_at_.insert(id);
    }
    // If invoke() has not sent the request yet, it sees this flag and sends the cancel after it.
    request->cancelled = true;
    if (request->sent) channel_->send(Channel::Kind::always, Type::cancel, id, {});
    channel_->wake();
}

void Proxy::writable(agh_req id)
{
    const std::scoped_lock lock{mutex_};
    if (!open_.contains(id)) return;
    look_at_.insert(id);
    channel_->wake();
}

void Proxy::destroy(bool ask)
{
    if (!reader_.joinable()) return; // create() failed earlier
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

void Proxy::kill()
{
    given_up_ = true; // the reader does not wait for its exit
    channel_->shut_down();
    channel_->wake();
}

// --- the reader thread ---

void Proxy::run(std::string create, base::Fd theirs)
{
    std::string why;
    const pid_t pid = spawn_runner(spec_.runner_program, theirs.get(), why);
    theirs.reset();
    if (pid < 0) {
        const std::scoped_lock lock{mutex_};
        destroying_ = true; // never started: only the waiting create() is notified
        dead_ = why;
        changed_.notify_all();
        return;
    }
    pid_ = pid;
    channel_->send(Channel::Kind::always, Type::create, 1, create);
    const std::string last = serve();
    channel_->shut_down();
    const std::string how = reap(pid, last.empty() && !given_up_ ? exit_patience_ms : 0);
    pid_ = 0;
    std::string words =
        "the runner of " + spec_.plugin_id + " (pid " + std::to_string(pid) + ") died: " + how;
    if (!last.empty())
        words = "the runner of " + spec_.plugin_id + " (pid " + std::to_string(pid) +
                ") was ended: it sent " + last;
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
        std::array<pollfd, 2> fds{
            pollfd{channel_->fd(), static_cast<short>(channel_->wants_write() ? POLLIN | POLLOUT : POLLIN),
                   0},
            pollfd{channel_->wake_fd(), POLLIN, 0}};
        ::poll(fds.data(), fds.size(), -1);
        if (fds[1].revents != 0) channel_->drain_wake();
    }
}

// Answers every open request.
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
        if (request->answer)
            give_answer(id, *request->answer); // it had finished; only its output was delayed
        else
            fail(id, AGH_E_INTERNAL, AGH_REPLY_UNKNOWN, "INTERNAL",
                 why + ". Its running requests may be partly done.");
    }
    if (tell && spec_.on_death) spec_.on_death(why);
}

} // namespace agenthost::host::runner
