// Hash tables by id (agents, tasks, runs) that are searched with a string_view, without a copy of the id.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace agenthost::hub {

struct IdHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>{}(id); }
};

template <class T> using ById = std::unordered_map<std::string, T, IdHash, std::equal_to<>>;
using IdSet = std::unordered_set<std::string, IdHash, std::equal_to<>>;

} // namespace agenthost::hub
