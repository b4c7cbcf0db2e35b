// The rules of an egg's variable, as Pterodactyl and Pelican write them (the names are Laravel's): which
// values are valid.
//
//     "required|string|max:20"     "required|numeric|between:512,4096"
//     ["required", "regex:/^([\\w\\d._-]+)(\\.jar)$/"]
//
// Checked: required, filled, nullable, string, numeric, integer, boolean, accepted, in, not_in, min, max,
// between, size, digits, digits_between, alpha, alpha_num, alpha_dash, lowercase, uppercase, starts_with,
// ends_with, regex, not_regex, ip, ipv4, ipv6, url. min, max, between and size compare the number when the
// variable is numeric, otherwise the length in characters. An empty value passes everything but required and
// filled. A rule that is not in this list is not checked and named by unchecked().
#pragma once

#include "document.hpp"
#include "pattern.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

class Rules {
public:
    // From a string with | between the rules, or an array of rules. Throws CONFIG_INVALID: a bad number or
    // regular expression.
    static Rules read(const Node&);

    // What is wrong with the value: "must be one of recommended, latest"; empty: nothing. Never contains the
    // value.
    [[nodiscard]] std::string problem(std::string_view value) const;
    [[nodiscard]] const std::vector<std::string>& unchecked() const { return unchecked_; }

private:
    struct Rule {
        std::string name;
        std::vector<std::string> parameters; // "in:a,b" has a and b
        double low = 0, high = 0;            // of the rules with numbers
        std::optional<Pattern> pattern;
    };
    void add(std::string_view text, const Node&);
    [[nodiscard]] bool has(std::string_view name) const;
    [[nodiscard]] std::string problem(const Rule&, std::string_view value) const;
    [[nodiscard]] std::string range_problem(const Rule&, std::string_view value) const;

    std::vector<Rule> rules_;
    std::vector<std::string> unchecked_;
};

} // namespace agenthost::docker
