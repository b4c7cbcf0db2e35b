// What fuzzers of codecs share: promises that abort when they are broken, JSON that means the same, frames
// that may be re-wrapped, and inputs whose first byte says what is done with the rest.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace agenthost::wire {

inline void demand(bool holds, const char* what)
{
    if (holds) return;
    std::fprintf(stderr, "broken promise: %s\n", what);
    std::abort();
}

// The same text, or the same values in whatever order and spacing. Nothing equals only nothing.
inline bool same_json(std::string_view a, std::string_view b)
{
    if (a == b) return true;
    const auto left = nlohmann::json::parse(a, nullptr, false),
               right = nlohmann::json::parse(b, nullptr, false);
    return !left.is_discarded() && !right.is_discarded() && left == right;
}

// A frame that is nested nearly as deep as allowed may be too deep when it is written with one more level
// around a part of it.
inline bool deep(std::string_view frame)
{
    return std::count_if(frame.begin(), frame.end(), [](char c) { return c == '{' || c == '['; }) > 50;
}

// Of an upgrade request: name and value.
template <class Headers> void demand_one_line_each(const Headers& headers)
{
    for (const auto& [key, value] : headers)
        demand(value.find_first_of(std::string_view{"\r\n\0", 3}) == value.npos, "a header is one line");
}

// One way to use an input, selected by its first byte.
struct Use {
    char selector;
    void (*run)(std::string_view rest);
};

// Gives the input without its first byte to the use that the byte selects, or to `otherwise`. The rest is a
// copy, so that reading past its end is found. Returns 0, as libFuzzer wants.
inline int use_input(const std::uint8_t* data, std::size_t size, std::span<const Use> uses,
                     void (*otherwise)(std::string_view rest))
{
    if (size == 0) return 0;
    const std::string rest{reinterpret_cast<const char*>(data + 1), size - 1};
    for (const Use& use : uses) {
        if (use.selector == static_cast<char>(data[0])) {
            use.run(rest);
            return 0;
        }
    }
    otherwise(rest);
    return 0;
}
inline int use_input(const std::uint8_t* data, std::size_t size, std::initializer_list<Use> uses,
                     void (*otherwise)(std::string_view rest))
{
    return use_input(data, size, std::span{uses.begin(), uses.size()}, otherwise);
}

} // namespace agenthost::wire
