#include "match.hpp"

#include <array>
#include <cstdio>
#include <vector>

namespace agenthost::printer {

namespace {

// In a message; the rest is counted.
constexpr std::size_t max_named = 5;
// Of what the request says, in bytes.
constexpr std::size_t max_quoted = 64;

bool fits(const Wanted& wanted, const Candidate& candidate)
{
    const auto agrees = [](const std::string& want, const std::string& have) {
        return want.empty() || want == have;
    };
    if (wanted.vendor != 0 && wanted.vendor != candidate.vendor) return false;
    if (wanted.product != 0 && wanted.product != candidate.product) return false;
    if (!wanted.printer.empty() && wanted.printer != candidate.alias &&
        !is_called(candidate.known, wanted.printer))
        return false;
    return agrees(wanted.alias, candidate.alias) && agrees(wanted.serial, candidate.serial) &&
           agrees(wanted.port, candidate.known.port);
}

std::string words(const Wanted& wanted)
{
    std::string text;
    const auto add = [&](std::string_view what, const std::string& value) {
        if (!value.empty())
            text +=
                (text.empty() ? "" : ", ") + std::string{what} + " \"" + value.substr(0, max_quoted) + '"';
    };
    if (wanted.vendor != 0 || wanted.product != 0) {
        std::array<char, 12> ids{};
        std::snprintf(ids.data(), ids.size(), "%04x:%04x", wanted.vendor, wanted.product);
        text = std::string{"USB id "} + ids.data();
    }
    add("printer", wanted.printer);
    add("alias", wanted.alias);
    add("serial", wanted.serial);
    add("port", wanted.port);
    return text;
}

std::string names(std::span<const Candidate> present, std::span<const std::size_t> which)
{
    std::string text;
    for (std::size_t i = 0; i < which.size() && i < max_named; ++i) {
        const Candidate& candidate = present[which[i]];
        text += text.empty() ? "" : ", ";
        text += candidate.alias.empty() ? candidate.known.name
                                        : candidate.alias + " (" + candidate.known.name + ')';
    }
    if (which.size() > max_named) text += " and " + std::to_string(which.size() - max_named) + " more";
    return text;
}

Match none(const Wanted& wanted, std::span<const Candidate> present)
{
    std::vector<std::size_t> all(present.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    const std::string there = all.empty() ? "no printer is present" : "present are " + names(present, all);
    const std::string what = wanted.anything() ? "no printer has " + words(wanted) + "; " : std::string{};
    return {{}, problem(code::printer_not_found, what + there)};
}

} // namespace

Match match(const Wanted& wanted, std::span<const Candidate> present)
{
    std::vector<std::size_t> fitting, defaults;
    for (std::size_t i = 0; i < present.size(); ++i) {
        if (!fits(wanted, present[i])) continue;
        fitting.push_back(i);
        if (present[i].is_default) defaults.push_back(i);
    }
    if (fitting.empty()) return none(wanted, present);
    if (fitting.size() == 1) return {fitting.front(), {}};
    if (!wanted.anything() && defaults.size() == 1) return {defaults.front(), {}};
    const std::string what = wanted.anything()
                                 ? words(wanted) + " fits several printers: "
                                 : std::string{"the request names no printer, and there are several: "};
    return {{}, problem(code::printer_ambiguous, what + names(present, fitting))};
}

} // namespace agenthost::printer
