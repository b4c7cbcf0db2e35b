// Buffers input that a command has not read yet. Counts every byte, so that input that is sent again on a new
// session is written once. Loop thread; at most 256 KiB wait.
#pragma once

#include "params.hpp"

#include "base/fd.hpp"

#include <cstdint>
#include <string>

namespace agenthost::terminal {

enum class StdinResult {
    taken,
    closed,
    later // the command has not read the earlier input, or does not run yet
};

class StdinBuffer {
public:
    static constexpr std::size_t max_bytes = 256 << 10;

    // The command starts with this, and `end`: no more will come.
    void begin(std::string text, bool end);
    // `why`: the reason if the input is not accepted.
    struct Into {
        bool running = false, open = false, pty = false; // the command; its standard input
    };
    [[nodiscard]] StdinResult add(const InputParams&, Into, std::string& why);
    // Writes what the descriptor accepts; ends when the reading end is closed.
    void write(base::Fd&);
    void clear() { waiting_.clear(); }

    [[nodiscard]] bool empty() const { return waiting_.empty(); }
    [[nodiscard]] bool over() const
    {
        return ends_ && waiting_.empty();
    }                                                            // all of it was taken, and no more comes
    [[nodiscard]] std::uint64_t count() const { return count_; } // bytes, by terminal.input

private:
    std::string waiting_;
    bool ends_ = false;
    std::uint64_t count_ = 0;
};

} // namespace agenthost::terminal
