#include "tty.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

namespace agenthost::hub::cli {

bool Tty::here() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

std::optional<Size> Tty::size()
{
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return std::nullopt;
    return Size{size.ws_col, size.ws_row};
}

void Tty::raw()
{
    const std::lock_guard lock{mutex_};
    termios now{};
    if (before_ || ::tcgetattr(STDIN_FILENO, &now) != 0) return;
    before_ = now;
    ::cfmakeraw(&now);
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
}

void Tty::restore()
{
    const std::lock_guard lock{mutex_};
    if (!before_) return;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_); // at once: the terminal may no longer be read
    before_.reset();
}

} // namespace agenthost::hub::cli
