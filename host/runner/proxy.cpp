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
constexpr std::chrono::milliseconds destroy_timeout{10'000};
// From the runner's last message to its exit.
constexpr int exit_timeout_ms = 2'000;
// The id of create(), whose message the reader sends.
constexpr std::uint64_t create_operation = 1;

} // namespace

Proxy::Proxy(RunnerSpec spec, const agh_host_api* api, agh_host* host)
    : spec_{std::move(spec)}, host_api_{api}, host_{host}
{}

Proxy::~Proxy()
{
    if (reader_.joinable()) reader_.join();
}

// --- called by the host ---

std::string Proxy::create_body(agh_bytes config, std::int32_t log_level) const
{
    const std::string state_directory = services_->state_directory();
    return put_create({.library = spec_.library,
                       .plugin_id = spec_.plugin_id,
                       .state_directory = state_directory,
                       .config = to_view(config),
                       .services = services_->offered(),
                       .concurrency = spec_.concurrency,
                       .log_level = log_level});
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
    channel_ = std::make_shared<Channel>(std::move(ours));
    if (!theirs || channel_->wake_fd() < 0) {
        return detail::fill(error, AGH_E_NOMEM, "INTERNAL",
                            "out of descriptors for the runner. Raise LimitNOFILE.");
    }
    requests_.emplace(host_api_, host_, spec_.plugin_id, *channel_);
    services_ = std::make_shared<ServiceRelay>(host_api_, host_, channel_,
                                               [this](agh_req id) { return requests_->is_open(id); });
    round_trips_.begin(); // create_operation
    reader_ =
        std::thread{[this, body = create_body(config, services_->lowest_log_level()),
                     theirs = std::move(theirs)]() mutable { run(std::move(body), std::move(theirs)); }};
    return wait_for(create_operation, Type::create, error);
}

agh_status Proxy::operate(Type type, std::string_view body, agh_error* error)
{
    const auto id = round_trips_.begin();
    if (!id) return detail::fill(error, AGH_E_CLOSED, "INTERNAL", round_trips_.why());
    if (type == Type::drain) drain_asked_ = true;
    Writer level;
    level.i32(services_->lowest_log_level()); // it may have changed
    channel_->send(Channel::Kind::always, Type::log_level, 0, level.str());
    channel_->send(Channel::Kind::always, type, *id, body);
    return wait_for(*id, type, error);
}

agh_status Proxy::wait_for(std::uint64_t operation, Type type, agh_error* error)
{
    std::chrono::milliseconds timeout{spec_.life_timeout_ms};
    if (timeout.count() == 0 && type == Type::destroy) timeout = destroy_timeout;
    RoundTrips::Answer answer;
    switch (round_trips_.wait(operation, timeout, answer)) {
    case RoundTrips::Waited::answered:
        if (type == Type::create) offers_ = answer.offers;
        return answer.status == AGH_OK ? AGH_OK
                                       : detail::fill(error, answer.status, answer.code, answer.text);
    case RoundTrips::Waited::timed_out:
        return detail::fill(error, AGH_E_DEADLINE, "TIMEOUT",
                            "the runner of " + spec_.plugin_id + " did not answer in time");
    case RoundTrips::Waited::dead: break;
    }
    return detail::fill(error, AGH_E_CLOSED, "INTERNAL", round_trips_.why());
}

void Proxy::destroy(bool ask)
{
    if (!reader_.joinable()) return; // create() failed earlier
    destroying_ = true;
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
        destroying_ = true; // never started: only the waiting create() is notified
        round_trips_.end(why);
        return;
    }
    pid_ = pid;
    channel_->send(Channel::Kind::always, Type::create, create_operation, create);
    const std::string last = serve();
    channel_->shut_down();
    const std::string how = reap(pid, last.empty() && !given_up_ ? exit_timeout_ms : 0);
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
        requests_->resume_output();
        std::array<pollfd, 2> fds{
            pollfd{channel_->fd(), static_cast<short>(channel_->wants_write() ? POLLIN | POLLOUT : POLLIN),
                   0},
            pollfd{channel_->wake_fd(), POLLIN, 0}};
        ::poll(fds.data(), fds.size(), -1);
        if (fds[1].revents != 0) channel_->drain_wake();
    }
}

// Handles a message of the runner; false: it is invalid.
bool Proxy::handle(Frame& frame, std::string& why)
{
    Reader in{frame.body};
    const std::uint64_t id = frame.header.id;
    const Type type = frame.header.type;
    bool valid = false;
    switch (type) {
    case Type::done: valid = on_done(in, id); break;
    case Type::refused: valid = requests_->on_refused(in, id); break;
    case Type::complete: valid = requests_->on_complete(frame); break;
    case Type::stream: valid = requests_->on_stream(in, id); break;
    case Type::progress: valid = requests_->on_progress(in, id); break;
    case Type::drained:
        valid = frame.body.empty();
        if (drain_asked_.exchange(false) && valid) host_api_->drained(host_);
        break;
    default: valid = services_->handle(frame);
    }
    if (!valid) why = "an invalid message (type " + std::to_string(static_cast<int>(type)) + ")";
    return valid;
}

bool Proxy::on_done(Reader& in, std::uint64_t id)
{
    agh_error error{.size = sizeof(agh_error), .status = AGH_OK, .code = {}, .text = {}};
    const agh_status status = get_error(in, &error);
    const std::uint32_t offers = in.u32();
    if (!in.done() || status > AGH_OK) return false;
    const bool awaited =
        round_trips_.finish(id, {.status = status, .code = error.code, .text = error.text, .offers = offers});
    if (awaited && id == create_operation && status == AGH_OK) created_ = true;
    return true;
}

void Proxy::end(const std::string& why)
{
    const bool unexpected = created_ && !destroying_;
    round_trips_.end(why);
    requests_->end(why);
    if (unexpected && spec_.on_death) spec_.on_death(why);
}

} // namespace agenthost::host::runner
