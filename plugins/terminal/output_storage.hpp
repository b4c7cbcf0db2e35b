// Makes the outputs of commands, and owns what they share: the folder of their rings, and the budget of their
// windows (output.hpp). Outlives them. Loop thread, open() before it starts.
#pragma once

#include "output.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::terminal {

class OutputStorage {
public:
    // An empty folder `rings` in the state directory: the commands of an agent that died are gone, too.
    // Empty, or what is wrong; without a state directory there are no rings.
    std::string open(std::string_view state_directory);
    // channel: 0 stdout or the terminal, 1 stderr. `ring`: bytes.
    std::unique_ptr<Output> make(std::size_t channel, std::uint64_t ring);

private:
    std::string folder_; // empty: none
    std::uint64_t last_ = 0;
    WindowBudget windows_;
};

} // namespace agenthost::terminal
