// Checks a simdjson DOM against a tree in one walk. Fast if it matches; error text is built only if it does
// not.
#include "error_text.hpp"
#include "tree.hpp"

#include <agenthost/json.hpp>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace agenthost::host::schema {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::size_t kept_bytes =
    64
    << 10; // a thread keeps its parser for documents up to this size; larger ones get a parser of their own

struct Failure {
    std::string at, what;
    void below(std::string_view key)
    {
        std::string step = "/";
        for (const char c : key.substr(0, 64)) {
            if (c == '~')
                step += "~0";
            else if (c == '/')
                step += "~1";
            else
                step += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
        }
        at.insert(0, step);
    }
};

Type type_of(element e)
{
    switch (e.type()) {
    case element_type::NULL_VALUE: return t_null;
    case element_type::BOOL: return t_bool;
    case element_type::INT64: return t_integer;
    case element_type::UINT64: return t_fraction; // only those beyond int64
    case element_type::DOUBLE: return exact_integer(e.get_double().value_unsafe()) ? t_integer : t_fraction;
    case element_type::STRING: return t_string;
    case element_type::ARRAY: return t_array;
    case element_type::OBJECT: return t_object;
    }
    return t_null;
}

std::string_view name_of(Type type)
{
    switch (type) {
    case t_null: return "null";
    case t_bool: return "a boolean";
    case t_integer: return "an integer";
    case t_fraction: return "a number with a fraction or beyond 64 bits";
    case t_string: return "a string";
    case t_array: return "an array";
    default: return "an object";
    }
}

double as_double(element e)
{
    return e.get_double().value_unsafe(); // of a number: cannot fail
}

std::uint64_t code_points(std::string_view text)
{
    std::uint64_t n = 0;
    for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return n;
}

bool length_fits(const Node& node, std::string_view text)
{
    if (text.size() <= node.max_length && text.size() / 4 >= node.min_length) return true; // without counting
    const std::uint64_t n = code_points(text);
    return n >= node.min_length && n <= node.max_length;
}

// A value as shown in errors: a short string or a number itself, otherwise the type.
std::string shown(element e, Type type)
{
    if (type == t_string) return quote(e.get_string().value_unsafe(), 40);
    if (type & t_number) return simdjson::minify(e);
    if (type == t_bool) return e.get_bool().value_unsafe() ? "true" : "false";
    return std::string{name_of(type)};
}

bool allowed(const Node& node, element e, Type type)
{
    for (const Scalar& one : node.allowed) {
        if (const auto* text = std::get_if<std::string>(&one)) {
            if (type == t_string && e.get_string().value_unsafe() == *text) return true;
        } else if (const auto* number = std::get_if<double>(&one)) {
            if ((type & t_number) && as_double(e) == *number) return true;
        } else if (const auto* flag = std::get_if<bool>(&one)) {
            if (type == t_bool && e.get_bool().value_unsafe() == *flag) return true;
        } else if (type == t_null) {
            return true;
        }
    }
    return false;
}

const Property* find(const Node& node, std::string_view key)
{
    if (node.properties.size() <= 12) {
        for (const Property& p : node.properties)
            if (p.name.size() == key.size() && std::memcmp(p.name.data(), key.data(), key.size()) == 0)
                return &p;
        return nullptr;
    }
    const auto found = std::lower_bound(node.properties.begin(), node.properties.end(), key,
                                        [](const Property& p, std::string_view k) { return p.name < k; });
    return found != node.properties.end() && found->name == key ? &*found : nullptr;
}

bool walk(const Node&, element, Failure*);

bool refuse(Failure* failure, std::string what)
{
    if (failure) *failure = {{}, std::move(what)};
    return false;
}

std::string unknown_key(const Node& node, std::string_view key)
{
    std::vector<std::string_view> known;
    for (const Property& p : node.properties) known.push_back(p.name);
    return "unknown key" + (known.empty() ? std::string{"; none is allowed here"} : hint(key, known));
}

bool walk_object(const Node& node, simdjson::dom::object object, Failure* failure)
{
    std::uint64_t seen = 0, count = 0;
    for (const auto field : object) {
        ++count;
        const Property* property = find(node, field.key);
        const Node* inner = property ? property->node.get() : node.additional.get();
        if (property)
            seen |= property->required;
        else if (!node.additional_allowed) {
            if (failure) {
                *failure = {{}, unknown_key(node, field.key)};
                failure->below(field.key);
            }
            return false;
        }
        if (inner && !walk(*inner, field.value, failure)) {
            if (failure) failure->below(field.key);
            return false;
        }
    }
    if (const std::uint64_t missing = node.required & ~seen) {
        if (failure) {
            const std::uint64_t first = missing & -missing;
            for (const Property& p : node.properties) {
                if (p.required != first) continue;
                const std::string wanted = describe(*p.node);
                *failure = {{},
                            "is missing; " +
                                (wanted == "any value" ? std::string{"give it a value"} : "give " + wanted)};
                failure->below(p.name);
            }
        }
        return false;
    }
    if (count < node.min_properties || count > node.max_properties)
        return refuse(failure,
                      "must be " + describe(node, t_object) + ", has " + std::to_string(count) + " keys");
    return true;
}

bool walk_array(const Node& node, simdjson::dom::array array, Failure* failure)
{
    std::uint64_t index = 0;
    for (const element inner : array) {
        if (node.items && !walk(*node.items, inner, failure)) {
            if (failure) failure->below(std::to_string(index));
            return false;
        }
        ++index;
    }
    if (index < node.min_items || index > node.max_items)
        return refuse(failure,
                      "must be " + describe(node, t_array) + ", has " + std::to_string(index) + " items");
    return true;
}

// No alternative matches: reports the failure of the only one whose type fits, or else lists all
// alternatives.
bool refuse_alternatives(const std::vector<Node>& nodes, element e, Type type, Failure* failure)
{
    if (!failure) return false;
    const Node* fits = nullptr;
    for (const Node& node : nodes) {
        if (!(node.types & type)) continue;
        if (fits) {
            fits = nullptr;
            break;
        }
        fits = &node;
    }
    if (fits) return walk(*fits, e, failure), false;
    std::string what = "must be ";
    for (std::size_t i = 0; i < nodes.size(); ++i) what += (i ? " or " : "") + describe(nodes[i]);
    return refuse(failure, what + ", is " + std::string{name_of(type)} + " that matches none of these");
}

bool walk_combined(const Node& node, element e, Type type, Failure* failure)
{
    for (const Node& one : node.all_of)
        if (!walk(one, e, failure)) return false;
    if (!node.any_of.empty() && std::none_of(node.any_of.begin(), node.any_of.end(),
                                             [&](const Node& one) { return walk(one, e, nullptr); }))
        return refuse_alternatives(node.any_of, e, type, failure);
    if (!node.one_of.empty()) {
        const auto n = std::count_if(node.one_of.begin(), node.one_of.end(),
                                     [&](const Node& one) { return walk(one, e, nullptr); });
        if (n == 0) return refuse_alternatives(node.one_of, e, type, failure);
        if (n > 1)
            return refuse(failure, "matches " + std::to_string(n) +
                                       " of the alternatives, which exclude each other; give exactly one");
    }
    return true;
}

bool walk(const Node& node, element e, Failure* failure)
{
    const Type type = type_of(e);
    if (!(node.types & type))
        return refuse(failure, "must be " + describe(node) + ", is " + std::string{name_of(type)});
    switch (type) {
    case t_integer:
    case t_fraction: {
        const double d = as_double(e);
        if (d < node.minimum || d > node.maximum || (node.exclusive_minimum && d == node.minimum) ||
            (node.exclusive_maximum && d == node.maximum))
            return refuse(failure, "must be " + describe(node, t_number) + ", is out of range");
        break;
    }
    case t_string: {
        const std::string_view text = e.get_string().value_unsafe();
        if (!length_fits(node, text))
            return refuse(failure, "must be " + describe(node, t_string) + ", has " +
                                       std::to_string(code_points(text)));
        if (node.pattern && !node.pattern->matches(text))
            return refuse(failure, "must be " + describe(node, t_string) + "; this one does not match");
        break;
    }
    case t_array:
        if (!walk_array(node, e.get_array().value_unsafe(), failure)) return false;
        break;
    case t_object:
        if (!walk_object(node, e.get_object().value_unsafe(), failure)) return false;
        break;
    default: break;
    }
    if (node.has_enum && !allowed(node, e, type))
        return refuse(failure, "must be " + describe(node) + ", not " + shown(e, type));
    if (node.any_of.empty() && node.one_of.empty() && node.all_of.empty()) return true;
    return walk_combined(node, e, type, failure);
}

std::string number_text(double d)
{
    char text[32];
    std::snprintf(text, sizeof text, exact_integer(d) && std::fabs(d) < 1e15 ? "%.0f" : "%g", d);
    return text;
}

std::string span_of(std::uint64_t min, std::uint64_t max, const char* unit)
{
    constexpr auto none = std::numeric_limits<std::uint64_t>::max();
    if (min == 0 && max == none) return {};
    if (max == none) return " of at least " + std::to_string(min) + unit;
    if (min == 0) return " of at most " + std::to_string(max) + unit;
    if (min == max) return " of " + std::to_string(min) + unit;
    return " of " + std::to_string(min) + " to " + std::to_string(max) + unit;
}

std::string range_of(const Node& node)
{
    std::string out;
    if (std::isfinite(node.minimum))
        out += (node.exclusive_minimum ? " > " : " >= ") + number_text(node.minimum);
    if (std::isfinite(node.maximum))
        out += std::string{out.empty() ? "" : " and"} + (node.exclusive_maximum ? " < " : " <= ") +
               number_text(node.maximum);
    return out;
}

} // namespace

std::string describe(const Node& node, std::uint8_t of)
{
    const std::uint8_t types = node.types & of;
    if (types == 0) return "absent";
    if (node.has_enum && of == t_any) {
        std::string out = node.allowed.size() > 1 ? "one of " : "";
        for (std::size_t i = 0; i < node.allowed.size() && i < 12; ++i) {
            if (i) out += ", ";
            const Scalar& one = node.allowed[i];
            if (const auto* text = std::get_if<std::string>(&one))
                out += quote(*text);
            else if (const auto* number = std::get_if<double>(&one))
                out += number_text(*number);
            else if (const auto* flag = std::get_if<bool>(&one))
                out += *flag ? "true" : "false";
            else
                out += "null";
        }
        return node.allowed.size() > 12 ? out + ", ..." : out;
    }
    if (types == t_any) return "any value";
    std::vector<std::string> forms;
    if (types & t_null) forms.emplace_back("null");
    if (types & t_bool) forms.emplace_back("a boolean");
    if ((types & t_number) == t_number)
        forms.push_back("a number" + range_of(node));
    else if (types & t_integer)
        forms.push_back("an integer" + range_of(node));
    if (types & t_string)
        forms.push_back("a string" + span_of(node.min_length, node.max_length, " characters") +
                        (node.pattern ? " that matches " + quote(node.pattern_text, 80) : ""));
    if (types & t_array) forms.push_back("an array" + span_of(node.min_items, node.max_items, " items"));
    if (types & t_object)
        forms.push_back("an object" + span_of(node.min_properties, node.max_properties, " keys"));
    std::string out;
    for (std::size_t i = 0; i < forms.size(); ++i)
        out += (i == 0 ? "" : i + 1 == forms.size() ? " or " : ", ") + forms[i];
    return out;
}

std::string check(const Node& node, std::string_view json)
{
    struct Reader {
        simdjson::dom::parser parser;
        std::vector<char> padded;
    };
    static thread_local Reader kept;
    std::optional<Reader> own;
    if (json.size() > kept_bytes) own.emplace();
    Reader& reader = own ? *own : kept;
    if (reader.padded.size() < json.size() + simdjson::SIMDJSON_PADDING)
        reader.padded.resize(std::max<std::size_t>(4096, json.size() * 2) + simdjson::SIMDJSON_PADDING);
    std::memcpy(reader.padded.data(), json.data(), json.size());
    const auto parsed = reader.parser.parse(reader.padded.data(), json.size(), false);
    if (parsed.error()) return std::string{"not valid JSON: "} + simdjson::error_message(parsed.error());
    const element root = parsed.value_unsafe();
    if (walk(node, root, nullptr)) return {};
    Failure failure;
    walk(node, root, &failure);
    return (failure.at.empty() ? "the value itself" : failure.at) + ": " + failure.what;
}

} // namespace agenthost::host::schema
