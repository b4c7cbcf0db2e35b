#include "runner.hpp"

#include <agenthost/error.hpp>
#include <agenthost/ext/health.h>

#include <dlfcn.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>

namespace agenthost::host::runner {

namespace {

agh_error fresh_error() { return {.size = sizeof(agh_error), .status = AGH_OK, .code = {}, .text = {}}; }

timespec to_timespec(Loop::Clock::duration d)
{
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
    return {.tv_sec = static_cast<time_t>(ns / 1'000'000'000),
            .tv_nsec = static_cast<long>(ns % 1'000'000'000)};
}

} // namespace

std::vector<int> Runner::Kept::raw_fds() const
{
    std::vector<int> out;
    for (const base::Fd& fd : fds) out.push_back(fd.get());
    return out;
}

Runner::Runner(base::Fd socket) : channel_{std::move(socket)}, loop_{[this] { channel_.wake(); }} {}

void Runner::leave(const char* why)
{
    if (*why != '\0') std::fprintf(stderr, "agenthost-runner: %s\n", why);
    std::_Exit(*why == '\0' ? 0 : 1); // without running the plugin's destructors: its threads may still run
}

void Runner::run()
{
    control_.start(1);
    for (;;) serve_once();
}

Runner::Kept Runner::read_frame(bool& got)
{
    Frame frame;
    const Channel::Got what = channel_.next(frame);
    if (what == Channel::Got::garbage) leave(channel_.why());
    if (what == Channel::Got::closed) leave("");
    got = what == Channel::Got::frame;
    return got ? Kept{frame.header, std::string{frame.body}, std::move(frame.fds)} : Kept{};
}

void Runner::serve_once()
{
    constexpr int frames_at_once = 64; // so that tasks get their turn
    bool more = true;
    for (int i = 0; i < frames_at_once && more; ++i) {
        Kept frame;
        if (!deferred_.empty()) {
            frame = std::move(deferred_.front());
            deferred_.pop_front();
        } else
            frame = read_frame(more);
        if (more) handle(std::move(frame));
    }
    if (!channel_.flush()) leave("");

    std::vector<pollfd> fds{
        {channel_.fd(), static_cast<short>(channel_.wants_write() ? POLLIN | POLLOUT : POLLIN), 0},
        {channel_.wake_fd(), POLLIN, 0}};
    std::optional<Loop::Clock::duration> wait;
    const bool ticking = created_ && !stopping_;
    if (ticking) wait = loop_.prepare(fds);
    if (more) wait = Loop::Clock::duration::zero();
    const timespec limit = to_timespec(wait.value_or(Loop::Clock::duration::zero()));
    if (::ppoll(fds.data(), fds.size(), wait ? &limit : nullptr, nullptr) < 0) {
        for (pollfd& fd : fds) fd.revents = 0;
    }
    if (fds[1].revents != 0) channel_.drain_wake();
    if (ticking) fire(loop_.collect(fds.data() + 2, fds.size() - 2));
}

void Runner::fire(const std::vector<Loop::Fired>& all)
{
    if (!AGH_HAS(api_, on_task)) return;
    for (const Loop::Fired& fired : all) {
        job([this, fired] {
            if (loop_.begin(fired)) api_->on_task(plugin_, fired.task, fired.cookie, fired.events);
        });
    }
}

void Runner::job(Function<void()> what, bool owed)
{
    if (stopping_) return;
    if (inline_)
        what();
    else
        workers_.add(std::move(what), owed);
}

void Runner::handle(Kept frame)
{
    switch (frame.header.type) {
    case Type::destroy:
        stopping_ = true; // before the control thread is notified: no task begins from here
        [[fallthrough]];
    case Type::create:
    case Type::start:
    case Type::configure:
    case Type::health:
    case Type::drain: control_.add([this, frame = std::move(frame)] { operate(frame); }); break;
    case Type::invoke: invoke(std::move(frame)); break;
    case Type::cancel: cancel(frame.header.id); break;
    case Type::credit: credit(frame); break;
    case Type::call_result: call_result(std::move(frame)); break;
    case Type::log_level: {
        Reader in{frame.body};
        log_level_ = in.i32();
        break;
    }
    case Type::defined:
    case Type::log_lines:
    case Type::network_settings: {
        const std::scoped_lock lock{mutex_};
        Asked& asked = asked_[frame.header.id];
        asked.done = true;
        asked.answer = std::move(frame.body);
        changed_.notify_all();
        break;
    }
    default: leave("an invalid message");
    }
}

// On the control thread.
void Runner::operate(const Kept& frame)
{
    agh_error error = fresh_error();
    agh_status said = AGH_OK;
    switch (frame.header.type) {
    case Type::create: said = create(frame, error); break;
    case Type::start:
        if (!inline_) workers_.start(concurrency_);
        said = api_->start == nullptr ? AGH_OK : api_->start(plugin_, &error);
        break;
    case Type::configure: said = api_->configure(plugin_, to_bytes(frame.body), &error); break;
    case Type::health: {
        const auto* health = static_cast<const agh_ext_health*>(api_->extension(plugin_, AGH_EXT_HEALTH));
        said = health->check(plugin_, &error);
        break;
    }
    case Type::drain: api_->drain(plugin_); break;
    default: // destroy
        loop_.close();
        workers_.stop();
        if (created_ && AGH_HAS(api_, destroy)) api_->destroy(plugin_);
        created_ = false;
        break;
    }
    Writer out;
    put_error(out, said > 0 ? AGH_E_INTERNAL : said, error);
    out.u32(offers());
    channel_.send(Channel::Kind::always, Type::done, frame.header.id, out.str());
}

std::uint32_t Runner::offers() const
{
    if (!created_) return 0;
    std::uint32_t out = 0;
    if (AGH_HAS(api_, configure)) out |= has_configure;
    if (AGH_HAS(api_, cancel)) out |= has_cancel;
    if (AGH_HAS(api_, writable)) out |= has_writable;
    if (AGH_HAS(api_, drain)) out |= has_drain;
    if (AGH_HAS(api_, extension)) {
        const auto* health = static_cast<const agh_ext_health*>(api_->extension(plugin_, AGH_EXT_HEALTH));
        if (health != nullptr && AGH_HAS(health, check)) out |= has_health;
    }
    return out;
}

agh_status Runner::create(const Kept& frame, agh_error& error)
{
    Create create;
    if (!get_create(frame.body, create))
        leave("the host uses a different protocol version. Reinstall agenthost: its runner is from another "
              "version.");
    state_directory_ = create.state_directory;
    services_ = create.services;
    inline_ = create.concurrency == 0;
    concurrency_ = create.concurrency;
    log_level_ = create.log_level;
    return open_library(create, error);
}

agh_status Runner::open_library(const Create& create, agh_error& error)
{
    const std::string library{create.library};
    void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return detail::fill(&error, AGH_E_INTERNAL, "INTERNAL", ::dlerror());
    const auto* entry = static_cast<const agh_entry_v1*>(::dlsym(handle, AGH_ENTRY_SYMBOL));
    if (entry == nullptr) {
        return detail::fill(&error, AGH_E_INVALID, "INTERNAL",
                            library + " has no symbol " AGH_ENTRY_SYMBOL
                                      ". It is not a plugin for agenthost.");
    }
    if (entry->abi_major != AGH_ABI_MAJOR || entry->abi_minor_needed > AGH_ABI_MINOR ||
        !AGH_HAS(entry, create)) {
        return detail::fill(&error, AGH_E_UNSUPPORTED, "INTERNAL",
                            library + " needs ABI " + std::to_string(entry->abi_major) + "." +
                                std::to_string(entry->abi_minor_needed) + ", this host offers " +
                                std::to_string(AGH_ABI_MAJOR) + "." + std::to_string(AGH_ABI_MINOR) + ".");
    }
    const agh_status said = entry->create(host_api(), reinterpret_cast<agh_host*>(this),
                                          to_bytes(create.config), &api_, &plugin_, &error);
    if (said != AGH_OK) return said;
    if (api_ == nullptr || !AGH_HAS(api_, invoke))
        return detail::fill(&error, AGH_E_INVALID, "INTERNAL", library + " offers no invoke()");
    created_ = true;
    channel_.wake(); // main starts to poll for the loop
    return AGH_OK;
}

// --- requests, on main ---

void Runner::invoke(Kept frame)
{
    agh_request request;
    std::vector<agh_blob> blobs;
    Reader in{frame.body};
    if (!created_ || !get_request(in, frame.header.id, frame.raw_fds(), request, blobs))
        leave("an invalid invoke message");
    {
        const std::scoped_lock lock{mutex_};
        requests_[request.id].deadline_ns = request.deadline_ns;
    }
    job([this, frame = std::move(frame)] { run_invoke(frame); });
}

void Runner::run_invoke(const Kept& frame)
{
    agh_request request;
    std::vector<agh_blob> blobs;
    Reader in{frame.body};
    get_request(in, frame.header.id, frame.raw_fds(), request, blobs);
    agh_error error = fresh_error();
    const agh_status said = api_->invoke(plugin_, &request, &error);
    if (said == AGH_PENDING) return;
    {
        const std::scoped_lock lock{mutex_};
        if (requests_.erase(request.id) == 0) return; // already completed: the first result counts
        blocked_.erase(request.id);
    }
    if (said >= AGH_OK)
        detail::fill(&error, AGH_E_INTERNAL, "INTERNAL",
                     "the plugin returned neither PENDING nor an error from invoke()");
    Writer out;
    put_error(out, said >= AGH_OK ? AGH_E_INTERNAL : said, error);
    channel_.send(Channel::Kind::always, Type::refused, request.id, out.str());
}

void Runner::cancel(agh_req id)
{
    {
        const std::scoped_lock lock{mutex_};
        const auto found = requests_.find(id);
        if (found == requests_.end()) return;
        found->second.cancelled = true;
    }
    if (created_ && !stopping_ && AGH_HAS(api_, cancel)) api_->cancel(plugin_, id);
}

void Runner::credit(const Kept& frame)
{
    Reader in{frame.body};
    const std::uint64_t bytes = in.u64();
    const agh_status said = in.i32();
    std::vector<agh_req> writable;
    {
        const std::scoped_lock lock{mutex_};
        under_way_ -= std::min<std::uint64_t>(bytes, under_way_);
        if (const auto found = requests_.find(frame.header.id); found != requests_.end()) {
            Request& request = found->second;
            request.under_way -= std::min<std::uint64_t>(bytes, request.under_way);
            if (said < 0) request.stream_status = said;
        }
        for (auto at = blocked_.begin(); at != blocked_.end();) {
            const auto found = requests_.find(*at);
            // Only once half of the window is free: a wake-up for every piece would cost too much.
            const bool room = found == requests_.end() || found->second.under_way <= stream_window / 2;
            if (!room || under_way_ > max_streams) {
                ++at;
                continue;
            }
            if (found != requests_.end()) writable.push_back(*at);
            at = blocked_.erase(at);
        }
    }
    if (!created_ || stopping_ || !AGH_HAS(api_, writable)) return;
    for (const agh_req id : writable) api_->writable(plugin_, id);
}

void Runner::call_result(Kept frame)
{
    Call call{};
    {
        const std::scoped_lock lock{mutex_};
        const auto found = calls_.find(frame.header.id);
        if (found == calls_.end()) return;
        call = found->second;
        calls_.erase(found);
    }
    auto tell = [call, frame = std::move(frame)]() mutable {
        Reader in{frame.body};
        agh_reply reply;
        std::vector<agh_blob> blobs;
        if (!get_reply(in, frame.raw_fds(), reply, blobs)) leave("an invalid call result");
        for (base::Fd& fd : frame.fds) fd.release(); // on_result closes them
        call.on_result(call.ctx, &reply);
    };
    job(std::move(tell), true); // ext/call.h guarantees it, even if destroy follows at once
}

} // namespace agenthost::host::runner
