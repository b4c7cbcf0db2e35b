// A child process on a pseudo-terminal of its own: a person's end of it. What it prints is collected while a
// test waits.
#pragma once

#include "support.hpp"

#include <termios.h>

#include <string>
#include <vector>

namespace agenthost::test {

class PtyProcess {
public:
    explicit PtyProcess(const std::vector<std::string>& argv, int cols = 80, int rows = 24);
    ~PtyProcess(); // killed and reaped
    PtyProcess(const PtyProcess&) = delete;
    PtyProcess& operator=(const PtyProcess&) = delete;

    void type(const std::string&);
    void resize(int cols, int rows); // the kernel sends SIGWINCH
    void signal(int) const;
    // Until `text` is among what came since the last mark().
    bool sees(const std::string& text);
    void mark() { from_ = said_.size(); }
    [[nodiscard]] std::string said() const { return said_.substr(from_); }
    [[nodiscard]] bool raw() const;     // the terminal hands on every key
    [[nodiscard]] bool stopped() const; // by SIGSTOP or the like
    // The settings are those of the beginning.
    [[nodiscard]] bool restored() const;
    int wait(); // the exit code, 128 + signal, or -1 when it does not end

private:
    void collect(int wait_ms);
    pid_t pid_ = -1;
    int master_ = -1, slave_ = -1; // the slave is kept: what the process leaves behind can be looked at
    termios before_{};
    std::string said_;
    std::size_t from_ = 0;
    int code_ = -1;
};

} // namespace agenthost::test
