#include "document.hpp"

#include "refusal.hpp"

#include "base/json_depth.hpp"

#include <agenthost/json.hpp>

#include <algorithm>
#include <charconv>

namespace agenthost::docker {

namespace {

// Commas and colons outside strings: at least one less than the values of the text.
std::size_t count_separators(std::string_view text)
{
    std::size_t count = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string && c == '\\')
            ++i;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == ',' || c == ':'))
            ++count;
    }
    return count;
}

bool is_plain_key(std::string_view key)
{
    return !key.empty() && key.size() <= 80 && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-';
    });
}

const char* type_name(const Json& json)
{
    if (json.is_boolean()) return "true or false";
    if (json.is_number()) return "a number";
    if (json.is_string()) return "a string";
    if (json.is_array()) return "an array";
    return json.is_object() ? "an object" : "null";
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

} // namespace

Json parse_document(std::string_view text, std::string_view path)
{
    if (text.size() > max_document_bytes)
        refuse(path, "is larger than " + std::to_string(max_document_bytes) + " bytes. Send less.");
    if (!base::json_depth_ok(text, max_document_depth))
        refuse(path,
               "is nested more than " + std::to_string(max_document_depth) + " levels deep. Flatten it.");
    if (count_separators(text) > max_document_values)
        refuse(path, "has more than " + std::to_string(max_document_values) + " values. Send less.");
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) refuse(path, "is not valid JSON. Check it with a JSON validator.");
    return json;
}

std::string member_path(std::string_view path, std::string_view key)
{
    if (!is_plain_key(key)) return std::string{path} + "[" + shown(key) + "]";
    return path.empty() ? std::string{key} : std::string{path} + "." + std::string{key};
}

void Node::refuse(const std::string& what) const { docker::refuse(path_, what); }

std::optional<Node> Node::find(std::string_view key) const
{
    if (json_->is_array() && json_->empty()) return std::nullopt;
    if (!json_->is_object()) refuse(std::string{"must be an object, not "} + type_name(*json_) + ".");
    for (const auto& [name, value] : json_->items()) {
        if (name != key) continue;
        if (value.is_null()) return std::nullopt;
        return Node{value, member_path(path_, key)};
    }
    return std::nullopt;
}

std::vector<std::pair<std::string, Node>> Node::members(std::size_t max) const
{
    std::vector<std::pair<std::string, Node>> out;
    if (json_->is_array() && json_->empty()) return out;
    if (!json_->is_object()) refuse(std::string{"must be an object, not "} + type_name(*json_) + ".");
    if (json_->size() > max) refuse("has more than " + std::to_string(max) + " members.");
    for (const auto& [name, value] : json_->items())
        out.emplace_back(name, Node{value, member_path(path_, name)});
    return out;
}

std::vector<Node> Node::elements(std::size_t max) const
{
    std::vector<Node> out;
    if (json_->is_object() && json_->empty()) return out;
    if (!json_->is_array()) refuse(std::string{"must be an array, not "} + type_name(*json_) + ".");
    if (json_->size() > max) refuse("has more than " + std::to_string(max) + " elements.");
    for (const Json& element : *json_)
        out.emplace_back(element, path_ + "[" + std::to_string(out.size()) + "]");
    return out;
}

std::string Node::text(std::size_t max) const
{
    if (!json_->is_string()) refuse(std::string{"must be a string, not "} + type_name(*json_) + ".");
    const auto& text = json_->get_ref<const std::string&>();
    if (text.size() > max) refuse("is longer than " + std::to_string(max) + " bytes.");
    if (text.find('\0') != std::string::npos) refuse("contains a NUL byte. Remove it.");
    return text;
}

std::string Node::line(std::size_t max) const
{
    std::string text = this->text(max);
    if (std::any_of(text.begin(), text.end(), is_control))
        refuse("contains a line break or another control character. Write it on one line.");
    return text;
}

std::uint64_t Node::whole(std::uint64_t least, std::uint64_t most) const
{
    std::optional<std::uint64_t> number = json_unsigned(*json_);
    if (json_->is_string()) {
        const auto& digits = json_->get_ref<const std::string&>();
        std::uint64_t parsed = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed);
        if (!digits.empty() && error == std::errc{} && end == digits.data() + digits.size()) number = parsed;
    }
    if (!number || *number < least || *number > most)
        refuse("must be a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ".");
    return *number;
}

bool Node::flag() const
{
    if (!json_->is_boolean()) refuse(std::string{"must be true or false, not "} + type_name(*json_) + ".");
    return json_->get<bool>();
}

std::string Node::scalar(std::size_t max) const
{
    if (json_->is_string()) return line(max);
    if (json_->is_number() || json_->is_boolean()) return json_->dump();
    refuse(std::string{"must be a string, a number, true or false, not "} + type_name(*json_) + ".");
}

} // namespace agenthost::docker
