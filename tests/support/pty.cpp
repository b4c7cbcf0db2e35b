#include "pty.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace agenthost::test {

PtyProcess::PtyProcess(const std::vector<std::string>& argv, int cols, int rows)
{
    const winsize size{static_cast<unsigned short>(rows), static_cast<unsigned short>(cols), 0, 0};
    if (::openpty(&master_, &slave_, nullptr, nullptr, &size) != 0)
        throw std::runtime_error{std::string{"openpty: "} + std::strerror(errno)};
    for (const int fd : {master_, slave_}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::tcgetattr(slave_, &before_);
    std::vector<char*> words;
    for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::setsid();
    ::ioctl(slave_, TIOCSCTTY, 0);
    for (int fd = 0; fd < 3; ++fd) ::dup2(slave_, fd);
    ::execvp(words[0], words.data());
    ::_exit(127);
}

PtyProcess::~PtyProcess()
{
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ::close(master_);
    ::close(slave_);
}

void PtyProcess::type(const std::string& text)
{
    std::size_t at = 0;
    wait_for([&] { // the other end may have to be read first
        const ssize_t n = ::write(master_, text.data() + at, text.size() - at);
        if (n > 0) at += static_cast<std::size_t>(n);
        collect(0);
        return at == text.size();
    });
}

void PtyProcess::resize(int cols, int rows)
{
    const winsize size{static_cast<unsigned short>(rows), static_cast<unsigned short>(cols), 0, 0};
    ::ioctl(master_, TIOCSWINSZ, &size);
}

void PtyProcess::signal(int sig) const { ::kill(pid_, sig); }

void PtyProcess::collect(int wait_ms)
{
    char buffer[16 << 10];
    for (pollfd p{master_, POLLIN, 0}; ::poll(&p, 1, wait_ms) == 1; wait_ms = 0) {
        const ssize_t n = ::read(master_, buffer, sizeof buffer);
        if (n <= 0) return;
        said_.append(buffer, static_cast<std::size_t>(n));
    }
}

bool PtyProcess::sees(const std::string& text)
{
    return wait_for([&] {
        collect(20);
        return said_.find(text, from_) != std::string::npos;
    });
}

bool PtyProcess::raw() const
{
    termios now{};
    return ::tcgetattr(slave_, &now) == 0 && (now.c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

bool PtyProcess::stopped() const
{
    const std::string stat = read_file("/proc/" + std::to_string(pid_) + "/stat");
    const auto state = stat.rfind(") ");
    return state != stat.npos && stat.compare(state, 3, ") T") == 0;
}

bool PtyProcess::restored() const
{
    termios now{};
    return ::tcgetattr(slave_, &now) == 0 && now.c_iflag == before_.c_iflag &&
           now.c_oflag == before_.c_oflag && now.c_cflag == before_.c_cflag && now.c_lflag == before_.c_lflag;
}

int PtyProcess::wait()
{
    wait_for([&] {
        collect(20);
        int status = 0;
        if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        }
        return pid_ < 0;
    });
    collect(0);
    return code_;
}

} // namespace agenthost::test
