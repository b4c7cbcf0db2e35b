// A JSON Schema compiled to a tree that a simdjson DOM is checked against: one walk, no allocation while it
// matches.
//
// The subset: type, properties, required, additionalProperties, minProperties, maxProperties, items (one
// schema), minItems, maxItems, enum and const of scalars, minimum, maximum, exclusiveMinimum,
// exclusiveMaximum, minLength, maxLength (code points), pattern (pattern.hpp), anyOf, oneOf, allOf of at most
// 16, true and false. `format` and annotations are ignored. Everything else: fallback.hpp. A number without a
// fraction that fits int64 is an integer, however it is written (1.0). Bounds compare as doubles. Every
// occurrence of a repeated key is checked. Bounds: depth 32, 4,096 nodes, 256 properties an object.
#pragma once

#include "pattern.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace agenthost::host::schema {

enum Type : std::uint8_t {
    t_null = 1,
    t_bool = 2,
    t_integer = 4,
    t_fraction = 8, // any other number
    t_string = 16,
    t_array = 32,
    t_object = 64,
    t_number = t_integer | t_fraction,
    t_any = 127,
};

using Scalar = std::variant<std::nullptr_t, bool, double, std::string>;

struct Node;

struct Property {
    std::string name;
    std::shared_ptr<const Node> node;
    std::uint64_t required = 0; // its bit in Node::required, or 0
};

struct Node {
    std::uint8_t types = t_any;
    bool has_enum = false;
    bool exclusive_minimum = false, exclusive_maximum = false;
    bool additional_allowed = true;
    double minimum = -std::numeric_limits<double>::infinity();
    double maximum = std::numeric_limits<double>::infinity();
    std::uint64_t min_length = 0, max_length = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t min_items = 0, max_items = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t min_properties = 0, max_properties = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t required = 0;       // bits of the required properties: at most 64
    std::vector<Property> properties; // sorted by name
    std::shared_ptr<const Node> additional, items;
    std::optional<Pattern> pattern;
    std::string pattern_text;
    std::vector<Scalar> allowed; // enum and const
    std::vector<Node> any_of, one_of, all_of;
};

// Null: `why` is set if it is not a valid schema, and empty if it is outside the subset.
std::shared_ptr<const Node> compile(std::string_view schema_json, std::string& why);

// Empty when `json` matches; else the sentence. Thread-safe.
std::string check(const Node&, std::string_view json);

// "an integer >= 0", "a string of 1 to 256 characters": what a node accepts of these types, for people.
std::string describe(const Node&, std::uint8_t of = t_any);

} // namespace agenthost::host::schema
