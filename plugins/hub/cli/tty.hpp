// The person's terminal: its size, and every key as it is typed while a remote program has the screen. Any thread.
//
// Whoever ends the process calls restore() first: the settings are the terminal's, not the process's.
#pragma once

#include <termios.h>

#include <mutex>
#include <optional>

namespace agenthost::hub::cli {

struct Size {
    int cols = 0, rows = 0;
};

class Tty {
public:
    ~Tty() { restore(); }
    static bool here();                // standard input and output are a terminal
    static std::optional<Size> size(); // nullopt: it has none
    void raw();
    void restore();
    [[nodiscard]] bool is_raw() const
    {
        const std::lock_guard lock{mutex_};
        return before_.has_value();
    }

private:
    mutable std::mutex mutex_;
    std::optional<termios> before_;
};

} // namespace agenthost::hub::cli
