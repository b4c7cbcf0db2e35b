// What fuzzers of codecs ask: a promise that aborts when it is broken, JSON that means the same, frames that may be re-wrapped.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
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

// A frame that is nested nearly as deep as allowed may be too deep when it is written with one more level around a part of it.
inline bool deep(std::string_view frame)
{
    return std::count_if(frame.begin(), frame.end(), [](char c) { return c == '{' || c == '['; }) > 50;
}

} // namespace agenthost::wire
