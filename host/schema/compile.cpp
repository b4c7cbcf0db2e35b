// Compiles a schema's text to a tree, or explains why it cannot.
#include "base/json_depth.hpp"
#include "error_text.hpp"
#include "fallback.hpp"
#include "tree.hpp"

#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

namespace agenthost::host::schema {
namespace {

using Json = nlohmann::json;

constexpr int max_depth = 32;
constexpr std::size_t max_text_depth = 128; // of the JSON: two or three levels of it make one of the schema
constexpr int max_nodes = 4096;
constexpr std::size_t max_alternatives = 16;
constexpr std::size_t max_listed_properties = 256;

struct Outside {}; // a valid schema outside the subset
struct Wrong : std::runtime_error {
    using std::runtime_error::runtime_error;
};

constexpr std::array<std::string_view, 22> inside{"type",
                                                  "properties",
                                                  "required",
                                                  "additionalProperties",
                                                  "minProperties",
                                                  "maxProperties",
                                                  "items",
                                                  "minItems",
                                                  "maxItems",
                                                  "enum",
                                                  "const",
                                                  "minimum",
                                                  "maximum",
                                                  "exclusiveMinimum",
                                                  "exclusiveMaximum",
                                                  "minLength",
                                                  "maxLength",
                                                  "pattern",
                                                  "anyOf",
                                                  "oneOf",
                                                  "allOf",
                                                  "format"};
constexpr std::array<std::string_view, 12> annotations{
    "title",    "description", "default",  "examples",  "$schema",         "$id",
    "$comment", "deprecated",  "readOnly", "writeOnly", "contentEncoding", "contentMediaType"};
constexpr std::array<std::string_view, 13> outside{"$ref",
                                                   "definitions",
                                                   "not",
                                                   "if",
                                                   "then",
                                                   "else",
                                                   "patternProperties",
                                                   "dependencies",
                                                   "propertyNames",
                                                   "contains",
                                                   "multipleOf",
                                                   "uniqueItems",
                                                   "additionalItems"};

template <std::size_t n> bool in(const std::array<std::string_view, n>& list, std::string_view word)
{
    return std::find(list.begin(), list.end(), word) != list.end();
}

class Compiler {
public:
    Node node(const Json& json, const std::string& at, int depth)
    {
        if (depth > max_depth || ++nodes_ > max_nodes)
            throw Wrong{at + ": the schema is too deep or too large (32 levels, 4,096 nodes); simplify it"};
        Node out;
        if (json.is_boolean()) {
            if (!json.get<bool>()) out.types = 0;
            return out;
        }
        if (!json.is_object())
            throw Wrong{at + ": must be a schema (an object or a boolean), is " + json.type_name()};
        keywords_known(json, at);
        for (const auto& [key, value] : json.items()) keyword(out, json, key, value, at, depth);
        required(out, json, at);
        std::sort(out.properties.begin(), out.properties.end(),
                  [](const Property& a, const Property& b) { return a.name < b.name; });
        return out;
    }

private:
    static void keywords_known(const Json& json, const std::string& at)
    {
        for (const auto& [key, value] : json.items()) {
            if (in(inside, key) || in(annotations, key) || key.starts_with("x-")) continue;
            if (in(outside, key)) throw Outside{};
            throw Wrong{at + ": unknown keyword " + quote(key) + hint(key, inside)};
        }
    }

    void keyword(Node& out, const Json& json, const std::string& key, const Json& value,
                 const std::string& at, int depth)
    {
        const std::string here = at + "/" + key;
        if (key == "type")
            types(out, value, here);
        else if (key == "properties")
            properties(out, value, here, depth);
        else if (key == "additionalProperties") {
            if (value.is_boolean())
                out.additional_allowed = value.get<bool>();
            else
                out.additional = std::make_shared<Node>(node(value, here, depth + 1));
        } else if (key == "items") {
            if (value.is_array()) throw Outside{};
            out.items = std::make_shared<Node>(node(value, here, depth + 1));
        } else if (key == "enum") {
            if (!value.is_array() || value.empty())
                throw Wrong{here + ": must be a list of at least one value"};
            if (out.has_enum) throw Outside{}; // enum and const together
            for (const Json& one : value) out.allowed.push_back(scalar(one));
            out.has_enum = true;
        } else if (key == "const") {
            if (out.has_enum) throw Outside{};
            out.allowed.push_back(scalar(value));
            out.has_enum = true;
        } else if (key == "minimum")
            lower(out, number(value, here), false);
        else if (key == "exclusiveMinimum")
            lower(out, number(value, here), true);
        else if (key == "maximum")
            upper(out, number(value, here), false);
        else if (key == "exclusiveMaximum")
            upper(out, number(value, here), true);
        else if (key == "minLength")
            out.min_length = count(value, here);
        else if (key == "maxLength")
            out.max_length = count(value, here);
        else if (key == "minItems")
            out.min_items = count(value, here);
        else if (key == "maxItems")
            out.max_items = count(value, here);
        else if (key == "minProperties")
            out.min_properties = count(value, here);
        else if (key == "maxProperties")
            out.max_properties = count(value, here);
        else if (key == "pattern") {
            if (!value.is_string()) throw Wrong{here + ": must be a string"};
            out.pattern_text = value.get<std::string>();
            out.pattern = Pattern::compile(out.pattern_text);
            if (!out.pattern) throw Outside{};
        } else if (key == "anyOf")
            alternatives(out.any_of, value, here, depth);
        else if (key == "oneOf")
            alternatives(out.one_of, value, here, depth);
        else if (key == "allOf")
            alternatives(out.all_of, value, here, depth);
        (void)json;
    }

    static void types(Node& out, const Json& value, const std::string& here)
    {
        const auto one = [&](const Json& name) -> std::uint8_t {
            static constexpr std::array<std::string_view, 7> names{"null",   "boolean", "integer", "number",
                                                                   "string", "array",   "object"};
            static constexpr std::array<std::uint8_t, 7> bits{t_null,   t_bool,  t_integer, t_number,
                                                              t_string, t_array, t_object};
            if (!name.is_string()) throw Wrong{here + ": must be a type's name or a list of them"};
            const auto& word = name.get_ref<const std::string&>();
            const auto found = std::find(names.begin(), names.end(), word);
            if (found == names.end()) throw Wrong{here + ": unknown type " + quote(word) + hint(word, names)};
            return bits[static_cast<std::size_t>(found - names.begin())];
        };
        out.types = 0;
        if (!value.is_array())
            out.types = one(value);
        else
            for (const Json& name : value) out.types |= one(name);
    }

    void properties(Node& out, const Json& value, const std::string& here, int depth)
    {
        if (!value.is_object()) throw Wrong{here + ": must be an object of schemas"};
        if (value.size() > max_listed_properties)
            throw Wrong{here + ": more than 256 properties; group them"};
        for (const auto& [name, inner] : value.items())
            out.properties.push_back(
                {name, std::make_shared<Node>(node(inner, here + "/" + name, depth + 1)), 0});
    }

    static void required(Node& out, const Json& json, const std::string& at)
    {
        const auto found = json.find("required");
        if (found == json.end()) return;
        if (!found->is_array()) throw Wrong{at + "/required: must be a list of names"};
        std::uint64_t bit = 1;
        for (const Json& name : *found) {
            if (!name.is_string()) throw Wrong{at + "/required: must be a list of names"};
            const auto& word = name.get_ref<const std::string&>();
            auto property = std::find_if(out.properties.begin(), out.properties.end(),
                                         [&](const Property& p) { return p.name == word; });
            if (property == out.properties.end()) {
                // Required but not described: it must satisfy additionalProperties then, as it would have
                // without this entry.
                Node wanted;
                if (!out.additional_allowed) wanted.types = 0;
                out.properties.push_back(
                    {word, out.additional ? out.additional : std::make_shared<const Node>(wanted), 0});
                property = out.properties.end() - 1;
            }
            if (property->required) continue;
            if (!bit) throw Outside{}; // more than 64
            property->required = bit;
            out.required |= bit;
            bit <<= 1;
        }
    }

    void alternatives(std::vector<Node>& out, const Json& value, const std::string& here, int depth)
    {
        if (!value.is_array() || value.empty()) throw Wrong{here + ": must be a list of at least one schema"};
        if (value.size() > max_alternatives) throw Outside{};
        for (std::size_t i = 0; i < value.size(); ++i)
            out.push_back(node(value[i], here + "/" + std::to_string(i), depth + 1));
    }

    static Scalar scalar(const Json& value)
    {
        if (value.is_null()) return nullptr;
        if (value.is_boolean()) return value.get<bool>();
        if (value.is_number()) return value.get<double>();
        if (value.is_string()) return value.get<std::string>();
        throw Outside{};
    }

    static double number(const Json& value, const std::string& here)
    {
        if (!value.is_number()) throw Wrong{here + ": must be a number, is " + value.type_name()};
        return value.get<double>();
    }

    static std::uint64_t count(const Json& value, const std::string& here)
    {
        if (const auto count = json_unsigned(value)) return *count;
        throw Wrong{here + ": must be an integer >= 0"};
    }

    static void lower(Node& out, double bound, bool exclusive)
    {
        if (bound > out.minimum || (bound == out.minimum && exclusive)) {
            out.minimum = bound;
            out.exclusive_minimum = exclusive;
        }
    }
    static void upper(Node& out, double bound, bool exclusive)
    {
        if (bound < out.maximum || (bound == out.maximum && exclusive)) {
            out.maximum = bound;
            out.exclusive_maximum = exclusive;
        }
    }

    int nodes_ = 0;
};

class TreeSchema final : public Schema {
public:
    explicit TreeSchema(std::shared_ptr<const Node> node) : node_{std::move(node)} {}
    [[nodiscard]] std::string check(std::string_view json) const override
    {
        return schema::check(*node_, json);
    }

private:
    std::shared_ptr<const Node> node_;
};

} // namespace

std::shared_ptr<const Node> compile(std::string_view text, std::string& why)
{
    why.clear();
    try {
        if (!base::json_depth_ok(text, max_text_depth))
            throw Wrong{"the schema is nested deeper than 128 levels"};
        const Json json = Json::parse(text);
        return std::make_shared<const Node>(Compiler{}.node(json, "#", 0));
    } catch (const Outside&) {
        return nullptr;
    } catch (const Wrong& wrong) {
        why = wrong.what();
    } catch (const Json::exception& e) {
        why = std::string{"the schema is not valid JSON: "} + e.what();
    }
    return nullptr;
}

} // namespace agenthost::host::schema

namespace agenthost::host {

std::shared_ptr<const Schema> compile_schema(std::string_view text, std::string& why)
{
    if (auto node = schema::compile(text, why)) return std::make_shared<schema::TreeSchema>(std::move(node));
    if (!why.empty()) return nullptr;
    return schema::compile_fallback(text, why);
}

} // namespace agenthost::host
