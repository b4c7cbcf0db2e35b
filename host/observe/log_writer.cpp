#include "log_writer.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <utility>

namespace agenthost::host::log {

namespace {

constexpr std::chrono::milliseconds look_again{100};  // interval of checking for stop() while nobody reads
constexpr std::chrono::milliseconds last_moment{500}; // for the thread to notice that it must stop

bool is_socket(int fd)
{
    struct stat info {};
    return ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
}

// A writable pipe accepts PIPE_BUF bytes without blocking; a socket gets MSG_DONTWAIT. O_NONBLOCK is not
// possible, because the descriptor is shared with our parent. -1 and EAGAIN: not now.
ssize_t write_some(int fd, bool socket, std::string_view text, std::chrono::milliseconds timeout)
{
    pollfd poll{.fd = fd, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(timeout.count()));
    if (ready < 0) return -1;
    if (ready == 0) {
        errno = EAGAIN;
        return -1;
    }
    const auto size = std::min<std::size_t>(text.size(), PIPE_BUF);
    return socket ? ::send(fd, text.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL)
                  : ::write(fd, text.data(), size);
}

} // namespace

LogWriter::LogWriter(int fd) : shared_{std::make_shared<Shared>()}
{
    shared_->fd = fd;
    shared_->is_socket = is_socket(fd);
    sigset_t all, before; // signals are the main thread's; SIGPIPE becomes an error
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    thread_ = std::thread{[shared = shared_] { run(*shared); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LogWriter::add(std::string line)
{
    {
        const std::scoped_lock lock{shared_->mutex};
        if (shared_->over || shared_->give_up) {
            ++shared_->lost;
            return;
        }
        if (shared_->waiting.size() >= max_waiting) {
            shared_->waiting.pop_front();
            ++shared_->lost;
        }
        shared_->waiting.push_back(std::move(line));
        if (shared_->waiting.size() > 1) return;
    }
    shared_->wake.notify_one();
}

void LogWriter::stop(std::chrono::milliseconds timeout)
{
    if (!thread_.joinable()) return;
    Shared& s = *shared_;
    std::unique_lock lock{s.mutex};
    s.stopping = true;
    s.wake.notify_one();
    const auto over = [&] { return s.over; };
    if (!s.ended.wait_for(lock, timeout, over)) {
        s.give_up = true;
        s.lost += s.waiting.size();
        s.waiting.clear();
        s.ended.wait_for(lock, last_moment, over);
    }
    const bool ended = s.over;
    lock.unlock();
    if (ended)
        thread_.join();
    else
        thread_.detach(); // in the kernel; it holds `shared_`
}

bool LogWriter::write_now(int fd, std::string_view line, std::chrono::milliseconds timeout)
{
    const bool socket = is_socket(fd);
    while (!line.empty()) {
        const auto wrote = write_some(fd, socket, line, timeout);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        line.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
}

void LogWriter::run(Shared& s)
{
    std::unique_lock lock{s.mutex};
    for (;;) {
        s.wake.wait(lock, [&] { return s.stopping || !s.waiting.empty(); });
        if (s.waiting.empty()) break;
        const std::string line = std::move(s.waiting.front());
        s.waiting.pop_front();
        lock.unlock();
        if (!put(s, line)) ++s.lost;
        lock.lock();
    }
    s.over = true;
    s.ended.notify_all();
}

bool LogWriter::put(Shared& s, std::string_view line)
{
    while (!line.empty()) {
        if (s.give_up) return false;
        const auto wrote = write_some(s.fd, s.is_socket, line, look_again);
        if (wrote < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (wrote <= 0) return false;
        line.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
}

} // namespace agenthost::host::log
