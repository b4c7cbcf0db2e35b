#include "job.hpp"

#include <nlohmann/json.hpp>

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace agenthost::terminal {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr std::size_t most_a_turn = 256 << 10;   // read from one command before others have their turn
constexpr std::size_t most_unserved = 128 << 10; // of it read before readers have theirs
constexpr auto stuck_after = 10s; // a descendant that SIGKILL does not end is stuck in the kernel
constexpr std::uint64_t all_of_it = ~std::uint64_t{0};

std::string signal_name(int signal)
{
    const char* name = ::sigabbrev_np(signal);
    return name ? std::string{"SIG"} + name : std::to_string(signal);
}

std::int64_t ms(Clock::duration d)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

} // namespace

Job::Job(JobOwner& owner, std::shared_ptr<const Config> config, User user, Admitted what, RunParams params,
         std::string id, std::string server)
    : owner_{owner}, config_{std::move(config)}, user_{std::move(user)}, what_{std::move(what)},
      params_{std::move(params)}, id_{std::move(id)}, server_{std::move(server)},
      readers_{owner.loop(), outputs_, *this, config_->wait}, queued_{owner.loop().now()}
{
    // What is not needed any more is not kept: secrets among it.
    params_.env.clear();
    params_.argv.clear();
    params_.command.clear();
}

Job::~Job()
{
    for (Loop::Timer* timer : {&timeout_, &grace_, &stuck_}) owner_.loop().cancel(*timer);
    drop_process();
}

void Job::drop_process()
{
    if (!process_) return;
    for (const int fd : {process_->out.get(), process_->err.get(), process_->in.get(), process_->control(),
                         process_->pidfd()})
        owner_.loop().forget(fd);
    process_.reset();
}

// ---- readers ----

void Job::add_runner(Request request)
{
    Reader& reader = readers_.add(std::move(request), {0, 0},
                                  std::min(params_.max_output.value_or(all_of_it),
                                           config_->max_output ? config_->max_output : all_of_it));
    readers_.runs_it(reader);
    listen_to(reader);
}

void Job::attach(Request request, const AttachParams& params)
{
    Reader& reader = readers_.add(std::move(request), {params.offset, params.stderr_offset}, all_of_it);
    if (!params.follow)
        for (std::size_t i = 0; i < outputs_.size(); ++i)
            reader.until[i] = outputs_[i] ? outputs_[i]->end() : 0;
    listen_to(reader);
    readers_.serve();
}

void Job::listen_to(Reader& reader)
{
    const agh_req id = reader.request.id();
    reader.request.on_writable([&o = owner_, weak = weak_from_this(), id] { o.writable_later(weak, id); });
    reader.request.on_cancel([&o = owner_, weak = weak_from_this(), id] { o.cancel_later(weak, id); });
}

void Job::cancel(agh_req id)
{
    Reader* r = readers_.find(id);
    if (!r) return;
    if (r == readers_.runner() && state_ == State::queued) return owner_.cancelled(*this);
    if (r == readers_.runner() && state_ == State::running) {
        const auto deadline = r->request.deadline();
        return interrupt(deadline && Clock::now() >= *deadline ? Reason::timeout : Reason::interrupted,
                         false);
    }
    readers_.refuse(*r, "CANCELLED", "cancelled; the command goes on");
}

void Job::hold(bool on)
{
    look_at_fds();
    if (!on && gone_) finish_when_drained();
}

void Job::reader_left()
{
    if (settled()) owner_.settled();
}

std::string Job::result(const Reader& r, bool runs_it) const
{
    Json json{{"commandId", id_}, {"bytes", bytes()}, {"dropped", r.dropped()}};
    if (!runs_it) {
        json["offset"] = r.next()[0];
        json["stderr_offset"] = r.next()[1];
        json["status"] = state_ == State::ended ? "ended" : "running";
    }
    if (state_ == State::ended) {
        json["exit_code"] = exit_code();
        json["reason"] = name(reason());
        if (WIFSIGNALED(status_)) json["signal"] = signal_name(WTERMSIG(status_));
        json["wall_ms"] = started_ == Clock::time_point{} ? 0 : ms(ended_ - started_);
        json["cpu_ms"] = (usage_.user_us + usage_.system_us) / 1000;
        json["peak_rss"] = usage_.peak_rss_kib * 1024;
    }
    return dump(json);
}

void Job::abandon() { readers_.refuse_all("INTERRUPTED", "the agent stopped before the command had ended"); }

// ---- life ----

void Job::say_queued(std::size_t position)
{
    Reader* runner = readers_.runner();
    if (!runner) return;
    Json json{{"status", "queued"}, {"commandId", id_}};
    if (position > 0) json["position"] = position;
    runner->request.progress(dump(json));
}

void Job::never_ran(Reason reason)
{
    ending_.ask(reason, true);
    status_ = SIGINT;
    state_ = State::ended;
    ended_ = owner_.loop().now();
    readers_.complete();
}

void Job::start()
{
    state_ = State::running;
    started_ = Clock::now();
    if (Reader* runner = readers_.runner())
        runner->request.progress(dump({{"status", "running"}, {"commandId", id_}}));
    const bool has_input = params_.input || params_.keep_input;
    try {
        process_ = std::make_unique<Process>(Launch{.what = what_,
                                                    .user = user_,
                                                    .limits = config_->limits,
                                                    .pty = params_.pty,
                                                    .input = has_input,
                                                    .helper = config_->helper},
                                             owner_.make_cgroup(*config_));
    } catch (const std::exception& e) {
        return fail("INTERNAL", e.what());
    }
    typed_.begin(std::move(params_.input).value_or(""), has_input && !params_.keep_input && !params_.pty);
    params_.input.reset();
    owner_.loop().watch(process_->control(), EPOLLIN, *this);
    owner_.loop().watch(process_->pidfd(), EPOLLIN, *this);
    look_at_fds();
    auto timeout = config_->timeout;
    if (params_.timeout && params_.timeout->count() > 0 &&
        (timeout.count() == 0 || *params_.timeout < timeout))
        timeout = *params_.timeout;
    if (timeout.count() > 0)
        timeout_ = owner_.loop().after(timeout, [this] {
            timeout_ = 0;
            interrupt(Reason::timeout, false);
        });
    owner_.started(*this);
    write_input();
}

void Job::fail(std::string_view code, const std::string& why, std::uint32_t how)
{
    state_ = State::ended;
    ended_ = owner_.loop().now();
    status_ = 127 << 8;
    if (process_)
        for (base::Fd* fd : {&process_->out, &process_->err, &process_->in}) close_fd(*fd);
    for (Loop::Timer* timer : {&timeout_, &grace_}) owner_.loop().cancel(*timer);
    readers_.refuse_all(code, why, how);
    readers_.complete(); // for those who attach later
    owner_.ended(*this);
}

void Job::interrupt(Reason reason, bool force)
{
    if (state_ != State::running || exited_) return;
    step(ending_.ask(reason, force));
}

void Job::step(Ending::Step what)
{
    owner_.loop().cancel(grace_);
    if (!process_ || exited_) return;
    switch (what) {
    case Ending::Step::none: return;
    case Ending::Step::interrupt: process_->interrupt(); break;
    case Ending::Step::terminate:
        if (process_->is_pty()) process_->signal_all(SIGHUP); // what a shell at its prompt heeds
        process_->signal_all(SIGTERM);
        break;
    case Ending::Step::kill: process_->kill(); break;
    }
    if (ending_.more())
        grace_ = owner_.loop().after(config_->grace, [this] {
            grace_ = 0;
            step(ending_.grace_over());
        });
}

void Job::ready(int fd, std::uint32_t events)
{
    const auto self = shared_from_this(); // its last owner may let go meanwhile
    if (!process_) return;
    if (fd == process_->control()) return on_control();
    if (fd == process_->pidfd()) {
        if (process_->on_pidfd()) on_gone();
        return;
    }
    if (fd == process_->in.get()) return write_input();
    if ((events & EPOLLOUT) != 0) write_input();
    if (fd == process_->out.get() && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0)
        read(process_->out, 0);
    else if (fd == process_->err.get())
        read(process_->err, 1);
    if (gone_) finish_when_drained();
}

void Job::on_control()
{
    const Process::Heard heard = process_->on_control();
    if (heard.failed) {
        const bool missing = heard.error == ENOENT || heard.error == ENOTDIR;
        const bool denied = heard.error == EACCES || heard.error == EPERM || heard.error == ELOOP;
        return fail(missing  ? "FILE_NOT_FOUND"
                    : denied ? "DENIED"
                             : "INTERNAL",
                    failure(heard.stage, heard.error, what_, user_));
    }
    if (heard.outside) owner_.outside_cgroup();
    if (heard.exited && !exited_) {
        exited_ = true;
        status_ = *process_->status();
        ended_ = Clock::now();
        owner_.loop().cancel(timeout_);
        owner_.loop().cancel(grace_);
        stuck_ = owner_.loop().after(stuck_after, [this] {
            stuck_ = 0;
            gone_ = true;
            finish_when_drained();
        });
    }
    if (heard.gone) { // nobody is left; the helper's own end, and its reaping, need not be waited for
        owner_.loop().cancel(stuck_);
        gone_ = true;
        return finish_when_drained();
    }
    if (!heard.started && !heard.exited) // the socket has ended: pidfd tells the rest
        owner_.loop().forget(process_->control());
}

void Job::on_gone()
{
    owner_.loop().forget(process_->pidfd());
    on_control(); // its last words
    if (!process_) return;
    owner_.loop().forget(process_->control());
    owner_.loop().cancel(stuck_);
    if (state_ == State::ended) { // it was answered before the helper's own end
        drop_process();
        if (settled()) owner_.settled();
        return;
    }
    if (process_->pid() == 0) {
        drop_process();
        return fail("INTERNAL",
                    "terminal-exec was killed before it could say whether the command began; the kernel's "
                    "log may say why",
                    outcome_unknown);
    }
    if (!exited_) {
        exited_ = true;
        status_ = process_->status().value_or(SIGKILL);
        ended_ = Clock::now();
    }
    gone_ = true;
    finish_when_drained();
}

// ---- output ----

void Job::look_at_fds()
{
    if (!process_) return;
    Loop& loop = owner_.loop();
    const bool typing = process_->is_pty() && !typed_.empty();
    const std::uint32_t out =
        (readers_.held() ? 0u : std::uint32_t{EPOLLIN}) | (typing ? std::uint32_t{EPOLLOUT} : 0u);
    // Not with no events: a hang-up would be told again and again.
    if (process_->out) out ? loop.watch(process_->out.get(), out, *this) : loop.forget(process_->out.get());
    if (process_->err)
        readers_.held() ? loop.forget(process_->err.get()) : loop.watch(process_->err.get(), EPOLLIN, *this);
    if (process_->in)
        typed_.empty() ? loop.forget(process_->in.get()) : loop.watch(process_->in.get(), EPOLLOUT, *this);
}

void Job::close_fd(base::Fd& fd)
{
    owner_.loop().forget(fd.get());
    fd.reset();
}

// Until there is nothing to read, or others have waited long enough.
void Job::read(base::Fd& fd, std::size_t channel)
{
    auto& output = outputs_[channel];
    std::size_t unserved = 0;
    for (std::size_t done = 0; fd && !readers_.held() && done < most_a_turn;) {
        if (!output)
            output = std::make_unique<Output>(owner_.ring_file(*this) + (channel == 0 ? ".out" : ".err"),
                                              config_->ring, &owner_.window_budget());
        const auto room = output->room();
        const ::ssize_t n = ::read(fd.get(), room.data(), room.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) { // the end; of a PTY it is EIO
            close_fd(fd);
            break;
        }
        output->wrote(static_cast<std::size_t>(n));
        done += static_cast<std::size_t>(n);
        unserved += static_cast<std::size_t>(n);
        if (unserved >= most_unserved) {
            unserved = 0;
            readers_.serve();
        }
    }
    if (unserved > 0) readers_.serve();
}

std::uint64_t Job::bytes() const
{
    std::uint64_t sum = 0;
    for (const auto& output : outputs_)
        if (output) sum += output->end();
    return sum;
}

// All processes are gone: what is in the pipes now is all there will be. Somebody outside may hold an end (a descriptor passed
// over a socket), so no end of file is waited for.
void Job::finish_when_drained()
{
    if (state_ == State::ended) return;
    while (!readers_.held()) {
        const auto before = bytes();
        if (process_->out) read(process_->out, 0);
        if (process_->err && !readers_.held()) read(process_->err, 1);
        if (bytes() == before) break;
    }
    if (readers_.held()) return; // hold(false) comes back
    usage_ = process_->usage();
    close_fd(process_->out);
    close_fd(process_->err);
    if (process_->in) close_fd(process_->in);
    owner_.loop().cancel(timeout_);
    owner_.loop().cancel(grace_);
    for (const auto& output : outputs_)
        if (output) output->settle();
    typed_.clear();
    state_ = State::ended;
    readers_.complete();
    // After the answer, as it removes the cgroup. When the helper has not ended yet, or is stuck, on_gone() comes.
    if (process_->on_pidfd()) drop_process();
    owner_.ended(*this);
}

// ---- input ----

Typing Job::input(const InputParams& params, std::string& why)
{
    const bool pty = process_ && process_->is_pty();
    const Typing typing = typed_.add(params,
                                     {.running = state_ == State::running && process_ && !exited_,
                                      .open = process_ && (pty ? process_->out : process_->in),
                                      .pty = pty},
                                     why);
    if (typing == Typing::taken) write_input();
    return typing;
}

void Job::write_input()
{
    if (!process_) return;
    typed_.write(process_->is_pty() ? process_->out : process_->in);
    if (process_->in && typed_.over()) close_fd(process_->in);
    look_at_fds();
}

void Job::resize(Size size)
{
    if (process_)
        process_->resize(size);
    else if (params_.pty)
        params_.pty = size; // it waits in the queue, and starts with its latest size
}

// ---- words ----

Reason Job::reason() const
{
    if (const auto asked = ending_.reason()) return *asked;
    return WIFSIGNALED(status_) ? Reason::signal : Reason::exit;
}

int Job::exit_code() const { return WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_); }

std::string Job::describe() const
{
    Json json{{"commandId", id_},
              {"program", what_.program},
              {"argv", what_.argv},
              {"user", user_.name},
              {"priority", name(params_.priority)},
              {"pty", has_pty()},
              {"bytes", bytes()},
              {"status", state_ == State::queued    ? "queued"
                         : state_ == State::running ? "running"
                                                    : "ended"}};
    const auto now = Clock::now();
    if (state_ == State::queued) json["waiting_ms"] = ms(now - queued_);
    if (state_ == State::running) {
        json["running_ms"] = ms(now - started_);
        if (process_ && process_->pid() > 0) json["pid"] = process_->pid();
    }
    if (state_ == State::ended) {
        json["exit_code"] = exit_code();
        json["reason"] = name(reason());
        json["ended_ms_ago"] = ms(now - ended_);
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i)
        if (outputs_[i])
            json[i == 0 ? "offset" : "stderr_offset"] = outputs_[i]->begin(); // what attach can still replay
    return dump(json);
}

} // namespace agenthost::terminal
