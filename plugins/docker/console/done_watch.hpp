// Waits for the line that says the server is ready. Pure.
//
// The tests of a line are given by the owner (spec's TextMatch: a substring, or an expression that matches in
// linear time). A line longer than 4 KiB never matches: testing a line must not take longer than reading it.
#pragma once

#include "entries.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::docker::console {

class DoneWatch {
public:
    using Test = std::function<bool(std::string_view line)>;

    DoneWatch() = default;
    // Without a test there is nothing to wait for. With `strip_colors` a line also matches without its escape
    // sequences.
    explicit DoneWatch(std::vector<Test> tests, bool strip_colors = false)
        : tests_{std::move(tests)}, strip_colors_{strip_colors}
    {}

    [[nodiscard]] bool waiting() const { return !tests_.empty(); }
    // True once: the server is ready.
    bool add(const Item&);

    static constexpr std::size_t max_line = 4096;

private:
    [[nodiscard]] bool matches(std::string_view line) const;

    // The unfinished line of one stream; at most one byte more than max_line.
    using Line = std::string;

    std::vector<Test> tests_;
    bool strip_colors_ = false;
    std::array<Line, 2> lines_;
};

} // namespace agenthost::docker::console
