// The user's terminal: its size, and raw mode while a remote program uses the screen. Thread-safe.
//
// Call restore() before ending the process: the settings belong to the terminal, not the process.
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
