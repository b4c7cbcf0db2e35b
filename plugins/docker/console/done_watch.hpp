// Waits for the line with which a server says that it is ready. Pure.
//
// The tests of a line are given by the owner (spec's TextMatch: a substring, or an expression that matches in
// linear time). A line of more than 4 KiB is never the one: what a server prints must not cost more time
// than it takes to read it.
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
    // Without a test nothing is awaited. With `strip_colors` a line also matches without its escape
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

    // Of one stream, while its parts are coming; up to one byte more than max_line.
    using Line = std::string;

    std::vector<Test> tests_;
    bool strip_colors_ = false;
    std::array<Line, 2> lines_;
};

} // namespace agenthost::docker::console
