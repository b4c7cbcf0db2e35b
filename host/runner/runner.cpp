#include "runner.hpp"

#include <agenthost/error.hpp>

#include <poll.h>
#include <unistd.h>

#include <array>
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

std::vector<int> Runner::OwnedFrame::raw_fds() const
{
    std::vector<int> out;
    for (const base::Fd& fd : fds) out.push_back(fd.get());
    return out;
}

Runner::Runner(base::Fd socket)
    : channel_{std::move(socket)}, loop_{[this] { channel_.wake(); }}, host_{channel_, loop_,
                                                                             [this] { read_answers(); }}
{}

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

Runner::OwnedFrame Runner::read_frame(bool& got)
{
    Frame frame;
    const Channel::Got what = channel_.next(frame);
    if (what == Channel::Got::garbage) leave(channel_.why());
    if (what == Channel::Got::closed) leave("");
    got = what == Channel::Got::frame;
    return got ? OwnedFrame{frame.header, std::string{frame.body}, std::move(frame.fds)} : OwnedFrame{};
}

// Main waits for an answer: reads one frame, or waits for one. Frames that are not answers are handled later,
// in order.
void Runner::read_answers()
{
    bool got = false;
    OwnedFrame frame = read_frame(got);
    if (got && PluginHost::is_answer(frame.header.type))
        handle(std::move(frame));
    else if (got)
        deferred_.push_back(std::move(frame));
    else {
        channel_.flush();
        pollfd readable{channel_.fd(), static_cast<short>(channel_.wants_write() ? POLLIN | POLLOUT : POLLIN),
                        0};
        ::poll(&readable, 1, -1);
    }
}

void Runner::serve_once()
{
    constexpr int frames_at_once = 64; // so that tasks get their turn
    bool more = true;
    for (int i = 0; i < frames_at_once && more; ++i) {
        OwnedFrame frame;
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
    const bool ticking = plugin_.created() && !stopping_;
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
    if (!plugin_.has_tasks()) return;
    for (const Loop::Fired& fired : all) {
        job([this, fired] {
            if (loop_.begin(fired)) plugin_.on_task(fired.task, fired.cookie, fired.events);
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

void Runner::handle(OwnedFrame frame)
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
        host_.set_log_level(in.i32());
        break;
    }
    case Type::defined:
    case Type::log_lines:
    case Type::network_settings: host_.on_answer(frame.header.id, std::move(frame.body)); break;
    default: leave("an invalid message");
    }
}

// On the control thread.
void Runner::operate(const OwnedFrame& frame)
{
    agh_error error = fresh_error();
    const Type type = frame.header.type;
    if (type == Type::start && !inline_) workers_.start(concurrency_);
    if (type == Type::destroy) {
        loop_.close();
        workers_.stop();
    }
    const agh_status status =
        type == Type::create ? create(frame, error) : plugin_.operate(type, frame.body, error);
    Writer out;
    put_error(out, status > 0 ? AGH_E_INTERNAL : status, error);
    out.u32(plugin_.offers());
    channel_.send(Channel::Kind::always, Type::done, frame.header.id, out.str());
}

agh_status Runner::create(const OwnedFrame& frame, agh_error& error)
{
    Create create;
    if (!get_create(frame.body, create))
        leave("the host uses a different protocol version. Reinstall agenthost: its runner is from another "
              "version.");
    host_.set_up(create);
    inline_ = create.concurrency == 0;
    concurrency_ = create.concurrency;
    const agh_status status = plugin_.create(create, PluginHost::api(), host_.handle(), error);
    if (status == AGH_OK) channel_.wake(); // main starts to poll for the loop
    return status;
}

// --- requests, on main ---

void Runner::invoke(OwnedFrame frame)
{
    agh_request request;
    std::vector<agh_blob> blobs;
    Reader in{frame.body};
    if (!plugin_.created() || !get_request(in, frame.header.id, frame.raw_fds(), request, blobs))
        leave("an invalid invoke message");
    host_.requests().add(request.id, request.deadline_ns);
    job([this, frame = std::move(frame)] { run_invoke(frame); });
}

void Runner::run_invoke(const OwnedFrame& frame)
{
    agh_request request;
    std::vector<agh_blob> blobs;
    Reader in{frame.body};
    get_request(in, frame.header.id, frame.raw_fds(), request, blobs);
    agh_error error = fresh_error();
    const agh_status status = plugin_.invoke(request, error);
    if (status == AGH_PENDING) return;
    if (!host_.requests().remove(request.id)) return; // already completed: the first result counts
    if (status >= AGH_OK)
        detail::fill(&error, AGH_E_INTERNAL, "INTERNAL",
                     "the plugin returned neither PENDING nor an error from invoke()");
    Writer out;
    put_error(out, status >= AGH_OK ? AGH_E_INTERNAL : status, error);
    channel_.send(Channel::Kind::always, Type::refused, request.id, out.str());
}

void Runner::cancel(agh_req id)
{
    if (host_.requests().cancel(id) && !stopping_) plugin_.cancel(id);
}

void Runner::credit(const OwnedFrame& frame)
{
    Reader in{frame.body};
    const std::uint64_t bytes = in.u64();
    const agh_status status = in.i32();
    for (const agh_req id : host_.requests().acknowledge(frame.header.id, bytes, status))
        if (!stopping_) plugin_.writable(id);
}

void Runner::call_result(OwnedFrame frame)
{
    const auto call = host_.take_call(frame.header.id);
    if (!call) return;
    auto tell = [call = *call, frame = std::move(frame)]() mutable {
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
