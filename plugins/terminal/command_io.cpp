#include "command_io.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

namespace agenthost::terminal {

namespace {

constexpr std::size_t max_turn = 256 << 10;     // read from one command before others have their turn
constexpr std::size_t max_unserved = 128 << 10; // of it read before readers have theirs

} // namespace

void CommandIo::open(Process& process, std::string text, bool ends)
{
    process_ = &process;
    stdin_.begin(std::move(text), ends);
    write();
}

void CommandIo::ready(int fd, std::uint32_t events)
{
    if (!process_) return;
    if (fd == process_->in.get()) return write();
    if ((events & EPOLLOUT) != 0) write();
    if (fd == process_->out.get() && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0)
        read(process_->out, 0);
    else if (fd == process_->err.get())
        read(process_->err, 1);
}

void CommandIo::watch()
{
    if (!process_) return;
    const bool typing = process_->is_pty() && !stdin_.empty();
    const std::uint32_t out =
        (readers_.held() ? 0u : std::uint32_t{EPOLLIN}) | (typing ? std::uint32_t{EPOLLOUT} : 0u);
    const auto want = [this](const base::Fd& fd, std::uint32_t events) {
        if (!fd) return;
        // Without events to wait for it is not watched, because epoll would report a hang-up forever.
        events != 0 ? loop_.watch(fd.get(), events, watcher_) : loop_.forget(fd.get());
    };
    want(process_->out, out);
    want(process_->err, readers_.held() ? 0u : std::uint32_t{EPOLLIN});
    want(process_->in, stdin_.empty() ? 0u : std::uint32_t{EPOLLOUT});
}

// Until there is nothing to read, or others have waited long enough.
void CommandIo::read(base::Fd& fd, std::size_t channel)
{
    auto& output = outputs_[channel];
    std::size_t unserved = 0;
    for (std::size_t done = 0; fd && !readers_.held() && done < max_turn;) {
        if (!output) output = storage_.make(channel, ring_);
        const auto free_space = output->free_space();
        const ::ssize_t n = ::read(fd.get(), free_space.data(), free_space.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) { // the end; of a PTY it is EIO
            close(fd);
            break;
        }
        output->wrote(static_cast<std::size_t>(n));
        done += static_cast<std::size_t>(n);
        unserved += static_cast<std::size_t>(n);
        if (unserved >= max_unserved) {
            unserved = 0;
            readers_.serve();
        }
    }
    if (unserved > 0) readers_.serve();
}

bool CommandIo::drain()
{
    while (process_ && !readers_.held()) {
        const auto before = bytes();
        if (process_->out) read(process_->out, 0);
        if (process_->err && !readers_.held()) read(process_->err, 1);
        if (bytes() == before) break;
    }
    return !readers_.held();
}

void CommandIo::write()
{
    if (!process_) return;
    stdin_.write(process_->is_pty() ? process_->out : process_->in);
    if (process_->in && stdin_.over()) close(process_->in);
    watch();
}

StdinResult CommandIo::add(const InputParams& params, bool running, std::string& why)
{
    const bool pty = process_ && process_->is_pty();
    const bool open = process_ && (pty ? process_->out : process_->in);
    const StdinResult result = stdin_.add(params, {.running = running, .open = open, .pty = pty}, why);
    if (result == StdinResult::taken) write();
    return result;
}

void CommandIo::close(base::Fd& fd)
{
    loop_.forget(fd.get());
    fd.reset();
}

void CommandIo::close()
{
    if (process_) {
        for (base::Fd* fd : {&process_->out, &process_->err, &process_->in})
            if (*fd) close(*fd);
    }
    for (const auto& output : outputs_)
        if (output) output->settle();
    stdin_.clear();
}

void CommandIo::forget()
{
    if (!process_) return;
    for (const base::Fd* fd : {&process_->out, &process_->err, &process_->in}) loop_.forget(fd->get());
    process_ = nullptr;
}

std::uint64_t CommandIo::bytes() const
{
    std::uint64_t sum = 0;
    for (const auto& output : outputs_)
        if (output) sum += output->end();
    return sum;
}

} // namespace agenthost::terminal
