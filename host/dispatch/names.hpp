// Maps by name whose lookups take a string_view and allocate nothing. Used on its owner's thread only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::host {

struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
};

template <class Value> using NameMap = std::unordered_map<std::string, Value, NameHash, std::equal_to<>>;

} // namespace agenthost::host
