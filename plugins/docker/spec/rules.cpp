#include "rules.hpp"

#include "refusal.hpp"

#include "base/json_number.hpp"
#include "base/split.hpp"
#include "netclient/ip_address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace agenthost::docker {

namespace {

constexpr std::size_t max_rules = 64, max_parameters = 512, max_rule_bytes = 4096;

constexpr std::array<std::string_view, 19> known{
    "required",  "filled", "numeric",   "integer",    "boolean",   "accepted",  "in",
    "not_in",    "alpha",  "alpha_num", "alpha_dash", "lowercase", "uppercase", "starts_with",
    "ends_with", "ip",     "ipv4",      "ipv6",       "url"};
constexpr std::array<std::string_view, 6> with_numbers{"min",  "max",    "between",
                                                       "size", "digits", "digits_between"};
// Say nothing about the value as text.
constexpr std::array<std::string_view, 5> without_effect{"nullable", "string", "sometimes", "bail",
                                                         "present"};

template <class List> bool contains(const List& list, std::string_view name)
{
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0; }
template <class Predicate> bool all(std::string_view text, Predicate predicate)
{
    return std::all_of(text.begin(), text.end(), predicate);
}

std::optional<double> number(std::string_view text)
{
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
        return std::nullopt;
    return value;
}

bool is_integer(std::string_view text)
{
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && text.size() <= 18 && all(text, is_digit);
}

std::size_t characters(std::string_view text)
{
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string joined(const std::vector<std::string>& parameters)
{
    std::string out;
    for (const std::string& parameter : parameters) {
        if (out.size() > 200) return out + ", ...";
        out += (out.empty() ? "" : ", ") + parameter;
    }
    return out;
}

std::string printed(double value)
{
    std::string out;
    base::append_json_number(out, value);
    return out;
}

// The end of the rule that begins `text`: the next |, but not one inside the delimiters of a regular
// expression.
std::size_t rule_end(std::string_view text)
{
    for (const std::string_view prefix : {"regex:", "not_regex:"}) {
        if (!text.starts_with(prefix) || text.size() <= prefix.size()) continue;
        const char delimiter = text[prefix.size()];
        for (auto at = text.find(delimiter, prefix.size() + 1); at != std::string_view::npos;
             at = text.find(delimiter, at + 1)) {
            auto end = at + 1;
            while (end < text.size() && is_letter(text[end])) ++end;
            if (end == text.size() || text[end] == '|') return end;
        }
    }
    return std::min(text.find('|'), text.size());
}

} // namespace

Rules Rules::read(const Node& node)
{
    Rules rules;
    if (node.json().is_array()) {
        for (const Node& rule : node.elements(max_rules)) rules.add(rule.text(max_rule_bytes), rule);
        return rules;
    }
    const std::string text = node.text(max_rule_bytes);
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = rule_end(rest);
        rules.add(rest.substr(0, end), node);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return rules;
}

void Rules::add(std::string_view text, const Node& node)
{
    if (text.empty()) return;
    if (rules_.size() >= max_rules) node.refuse("has more than " + std::to_string(max_rules) + " rules.");
    const auto colon = text.find(':');
    Rule rule;
    rule.name = text.substr(0, colon);
    const std::string_view rest =
        colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    if (rule.name == "int") rule.name = "integer";
    if (rule.name == "bool") rule.name = "boolean";
    if (rule.name == "regex" || rule.name == "not_regex") {
        std::string why;
        rule.pattern = Pattern::compile_delimited(rest, why);
        if (!rule.pattern)
            node.refuse("the regular expression " + shown(rest) + " cannot be checked: " + why +
                        ". Rewrite it, or remove the rule.");
    } else if (contains(with_numbers, rule.name)) {
        rule.parameters = base::split(rest, ",");
        const bool two = rule.name == "between" || rule.name == "digits_between";
        const auto low = number(rule.parameters.front()), high = number(rule.parameters.back());
        if (rule.parameters.size() != (two ? 2u : 1u) || !low || !high)
            node.refuse("the rule " + shown(text) + " needs " + (two ? "two numbers" : "a number") + ".");
        rule.low = *low;
        rule.high = *high;
    } else if (contains(known, rule.name)) {
        if (!rest.empty()) rule.parameters = base::split(rest, ",");
        if (rule.parameters.size() > max_parameters)
            node.refuse("the rule " + rule.name + " has more than " + std::to_string(max_parameters) +
                        " parameters.");
    } else {
        if (!contains(without_effect, rule.name)) unchecked_.push_back(rule.name.substr(0, 64));
        return;
    }
    rules_.push_back(std::move(rule));
}

bool Rules::has(std::string_view name) const
{
    return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) { return rule.name == name; });
}

std::string Rules::problem(std::string_view value) const
{
    if (value.empty()) return has("required") || has("filled") ? "must not be empty" : "";
    for (const Rule& rule : rules_)
        if (std::string what = problem(rule, value); !what.empty()) return what;
    return {};
}

std::string Rules::problem(const Rule& rule, std::string_view value) const
{
    const auto say = [](bool good, std::string what) { return good ? std::string{} : std::move(what); };
    const auto any = [&](auto predicate) {
        return std::any_of(rule.parameters.begin(), rule.parameters.end(), predicate);
    };
    const std::string& name = rule.name;
    const auto ip = netclient::parse_ip(value);
    if (name == "numeric") return say(number(value).has_value(), "must be a number");
    if (name == "integer") return say(is_integer(value), "must be a whole number");
    if (name == "boolean")
        return say(value == "0" || value == "1" || value == "true" || value == "false",
                   "must be 0, 1, true or false");
    if (name == "accepted")
        return say(value == "yes" || value == "on" || value == "1" || value == "true",
                   "must be 1, true, yes or on");
    const bool listed = any([&](const std::string& parameter) { return parameter == value; });
    if (name == "in") return say(listed, "must be one of " + joined(rule.parameters));
    if (name == "not_in") return say(!listed, "must not be one of " + joined(rule.parameters));
    if (name == "alpha") return say(all(value, is_letter), "must consist of letters");
    const auto letter_or_digit = [](char c) { return is_letter(c) || is_digit(c); };
    if (name == "alpha_num") return say(all(value, letter_or_digit), "must consist of letters and digits");
    if (name == "alpha_dash")
        return say(all(value, [&](char c) { return letter_or_digit(c) || c == '-' || c == '_'; }),
                   "must consist of letters, digits, - and _");
    if (name == "lowercase")
        return say(all(value, [](char c) { return c < 'A' || c > 'Z'; }), "must be in lower case");
    if (name == "uppercase")
        return say(all(value, [](char c) { return c < 'a' || c > 'z'; }), "must be in upper case");
    if (name == "starts_with")
        return say(any([&](const std::string& parameter) { return value.starts_with(parameter); }),
                   "must start with one of " + joined(rule.parameters));
    if (name == "ends_with")
        return say(any([&](const std::string& parameter) { return value.ends_with(parameter); }),
                   "must end with one of " + joined(rule.parameters));
    if (name == "ip") return say(ip.has_value(), "must be an IP address");
    if (name == "ipv4") return say(ip && ip->v4(), "must be an IPv4 address");
    if (name == "ipv6") return say(ip && !ip->v4(), "must be an IPv6 address");
    if (name == "url") {
        const auto colon = value.find("://");
        return say(colon != std::string_view::npos && colon > 0 && value.size() > colon + 3, "must be a URL");
    }
    if (rule.pattern)
        return say(rule.pattern->found_in(value) == (name == "regex"),
                   name == "regex" ? "does not match the egg's regular expression"
                                   : "matches an expression that the egg forbids");
    return range_problem(rule, value);
}

std::string Rules::range_problem(const Rule& rule, std::string_view value) const
{
    const std::string& name = rule.name;
    if (name == "digits" || name == "digits_between") {
        const bool good = all(value, is_digit) &&
                          value.size() >= static_cast<std::size_t>(std::max(rule.low, 0.0)) &&
                          static_cast<double>(value.size()) <= rule.high;
        return good ? "" : "must have " + printed(rule.low) + " to " + printed(rule.high) + " digits";
    }
    const bool numeric = has("numeric") || has("integer");
    if (name == "required" || name == "filled") return {};
    const double amount = numeric ? number(value).value_or(0) : static_cast<double>(characters(value));
    const bool low_counts = name != "max", high_counts = name != "min";
    if ((!low_counts || amount >= rule.low) && (!high_counts || amount <= rule.high)) return {};
    std::string what = numeric ? "must be " : "must have ";
    if (name == "min")
        what += "at least " + printed(rule.low);
    else if (name == "max")
        what += "at most " + printed(rule.high);
    else if (rule.low == rule.high)
        what += printed(rule.low);
    else
        what += printed(rule.low) + " to " + printed(rule.high);
    return what + (numeric ? "" : " characters");
}

} // namespace agenthost::docker
