// A YAML document as a plain tree in which every key and value remembers where it was written. Knows nothing of our keys.
#pragma once

#include "problems.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host::conf {

struct Member;

struct Value {
    enum class Kind { null, scalar, list, map } kind = Kind::null;
    std::string text;  // scalar
    bool plain = true; // scalar without quotes: may be a number or a truth value
    std::vector<Value> items;
    std::vector<Member> members; // in written order, no key twice
    Where where;

    [[nodiscard]] const Member* find(std::string_view key) const;
    [[nodiscard]] Member* find(std::string_view key);
};

struct Member {
    std::string key;
    Where where; // of the key
    Value value;
};

// Limits of one document; aliases count as what they stand for.
constexpr std::size_t max_file_bytes = 1 << 20;
constexpr int max_depth = 32;
constexpr std::size_t max_nodes = 100'000;

// One YAML document. What is wrong goes to `problems`; the tree then holds what was understood, or null.
Value parse_yaml(const std::string& text, const Source&, Problems&);

// "a map", "a list", "\"text\"": for messages. Long text is cut.
std::string describe(const Value&);

} // namespace agenthost::host::conf
