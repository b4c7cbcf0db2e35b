// A YAML document as a tree; every key and value has its source position. Independent of our keys.
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
    bool plain = true; // scalar without quotes: may be a number or a boolean
    std::vector<Value> items;
    std::vector<Member> members; // in source order, without duplicate keys
    Where where;

    [[nodiscard]] const Member* find(std::string_view key) const;
    [[nodiscard]] Member* find(std::string_view key);
};

struct Member {
    std::string key;
    Where where; // of the key
    Value value;
};

// Limits of one document; an alias counts as its contents.
constexpr std::size_t max_file_bytes = 1 << 20;
constexpr int max_depth = 32;
constexpr std::size_t max_nodes = 100'000;

// Parses one YAML document. Reports errors to `problems`; the tree then holds the part that was understood,
// or null.
Value parse_yaml(const std::string& text, const Source&, Problems&);

// "a map", "a list", "\"text\"": for messages. Long text is truncated.
std::string describe(const Value&);

} // namespace agenthost::host::conf
