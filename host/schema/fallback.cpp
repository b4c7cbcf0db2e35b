#include "fallback.hpp"

#include "error_text.hpp"

#define VALIJSON_USE_EXCEPTIONS 1 // else a bad schema ends the process
#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <cmath>
#include <limits>
#include <mutex>

namespace agenthost::host::schema {
namespace {

using Json = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

constexpr std::size_t pattern_bytes = 2048;

// Removes `format`, which the tree ignores too. Names of properties and values of enum, const, default stay
// unchanged.
void strip(Json& schema, bool names, bool& patterns)
{
    if (schema.is_array()) {
        for (Json& one : schema) strip(one, false, patterns);
        return;
    }
    if (!schema.is_object()) return;
    if (!names) {
        schema.erase("format");
        patterns = patterns || schema.contains("pattern") || schema.contains("patternProperties");
    }
    for (auto& [key, value] : schema.items()) {
        if (!names && (key == "enum" || key == "const" || key == "default" || key == "examples")) continue;
        const bool named = !names && (key == "properties" || key == "patternProperties" ||
                                      key == "definitions" || key == "$defs" || key == "dependencies");
        strip(value, named, patterns);
    }
}

// 1.0 becomes 1, so that valijson treats it as an integer; beyond int64, where valijson would wrap
// around, a double.
void normalise(Json& value)
{
    if (value.is_structured()) {
        for (Json& one : value) normalise(one);
    } else if (value.is_number_float()) {
        if (const auto integer = exact_integer(value.get<double>())) value = *integer;
    } else if (value.is_number_unsigned() &&
               value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
        value = static_cast<double>(value.get<std::uint64_t>());
    }
}

bool longer_than(const Json& value, std::size_t max)
{
    if (value.is_string()) return value.get_ref<const std::string&>().size() > max;
    if (value.is_object())
        for (const auto& [key, one] : value.items())
            if (key.size() > max || longer_than(one, max)) return true;
    if (value.is_array())
        for (const Json& one : value)
            if (longer_than(one, max)) return true;
    return false;
}

constexpr int max_depth = 128;

int depth_of(std::string_view json)
{
    int depth = 0, max = 0;
    bool in_string = false, escaped = false;
    for (const char c : json) {
        if (in_string) {
            if (escaped)
                escaped = false;
            else if (c == '\\')
                escaped = true;
            else if (c == '"')
                in_string = false;
        } else if (c == '"')
            in_string = true;
        else if (c == '{' || c == '[')
            max = std::max(max, ++depth);
        else if (c == '}' || c == ']')
            --depth;
    }
    return max;
}

// "<root>", "[file_info]", "[size]" -> "/file_info/size"
std::string pointer(const std::vector<std::string>& context)
{
    std::string out;
    for (std::size_t i = 1; i < context.size(); ++i) {
        std::string_view step = context[i];
        if (step.starts_with('[') && step.ends_with(']')) step = step.substr(1, step.size() - 2);
        out += '/';
        out += step.substr(0, 64);
    }
    return out.empty() ? "the value itself" : out;
}

class FallbackSchema final : public Schema {
public:
    explicit FallbackSchema(Json json)
        : json_(std::move(json)) // parentheses: braces would make an array of it
    {
        strip(json_, false, patterns_);
        normalise(json_);
        valijson::SchemaParser parser{valijson::SchemaParser::kDraft7};
        parser.populateSchema(Adapter{json_}, schema_);
    }

    [[nodiscard]] std::string check(std::string_view text) const override
    try {
        if (depth_of(text) > max_depth) return "the value itself: nested deeper than 128 levels; flatten it";
        Json json = Json::parse(text, nullptr, false);
        if (json.is_discarded()) return "not valid JSON";
        if (patterns_ && longer_than(json, pattern_bytes))
            return "the value itself: a string of more than 2048 bytes, where the schema has a pattern; "
                   "shorten it";
        normalise(json);
        const std::lock_guard lock{mutex_}; // valijson's validator caches expressions while it validates
        if (validator_.validate(schema_, Adapter{json}, nullptr)) return {};
        valijson::ValidationResults results;
        validator_.validate(schema_, Adapter{json}, &results);
        valijson::ValidationResults::Error error;
        if (!results.popError(error)) return "the value itself: does not match the schema";
        return pointer(error.context) + ": " + error.description;
    } catch (const std::exception& e) {
        return std::string{"the value itself: cannot be checked: "} + e.what();
    }

private:
    Json json_;
    bool patterns_ = false;
    valijson::Schema schema_;
    mutable std::mutex mutex_;
    mutable valijson::Validator validator_;
};

} // namespace

std::shared_ptr<const Schema> compile_fallback(std::string_view text, std::string& why)
try {
    why.clear();
    if (depth_of(text) > max_depth) throw std::runtime_error{"nested deeper than 128 levels"};
    auto schema = std::make_shared<FallbackSchema>(Json::parse(text)); // its depth has been checked
    return schema;
} catch (const std::exception& e) {
    why = std::string{"not a JSON Schema (draft 7) that this host can check: "} + e.what();
    return nullptr;
}

} // namespace agenthost::host::schema
