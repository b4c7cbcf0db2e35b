// What a power cut could have left of a recorded run (powercut/shim.cpp).
//
// The model is POSIX's least promise, harder than what common file systems keep: a file's content is safe
// once the file was synced, an entry of a folder once the folder was; everything later may be there or not,
// each event by itself, a write also in part (sectors of 512 bytes). A rename's two halves are entries of two
// folders. Renaming and unlinking are atomic.
#pragma once

#include "powercut/record.hpp"

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace agenthost::test {

struct PowercutEvent {
    PowercutKind kind;
    std::uint64_t object, a, b;
    std::string name, data;
};

class Powercut {
public:
    explicit Powercut(const std::filesystem::path& log);

    [[nodiscard]] const std::vector<PowercutEvent>& events() const { return events_; }
    // Marks among the first `cut` events, in order.
    [[nodiscard]] std::vector<std::string> marks(std::size_t cut) const;
    // A state after the first `cut` events, chosen by `random`, written into the empty folder `into`.
    void make(std::size_t cut, std::mt19937_64& random, const std::filesystem::path& into) const;

private:
    std::vector<PowercutEvent> events_;
};

} // namespace agenthost::test
