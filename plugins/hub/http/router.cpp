#include "router.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <stdexcept>

namespace agenthost::hub {

namespace {

// :server is a game server's id, on the agent of the path.
constexpr std::array<std::string_view, 5> known_names{":agent", ":server", ":id", ":file", ":token"};

std::string_view next_segment(std::string_view& path)
{
    if (path.starts_with('/')) path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    return segment;
}

bool fits(std::string_view pattern, std::string_view path, Match& out)
{
    out.names.clear();
    out.arguments.clear();
    while (!pattern.empty() && !path.empty()) {
        const std::string_view wanted = next_segment(pattern), given = next_segment(path);
        if (wanted.starts_with(':') && !given.empty()) {
            out.names.push_back(wanted);
            out.arguments.push_back(given);
        } else if (wanted != given) {
            return false;
        }
    }
    return pattern.empty() && path.empty();
}

// The error in a row; empty: none.
std::string fault_of(const Route& row)
{
    if (!row.handler) return "has no handler";
    for (std::string_view pattern = row.pattern; !pattern.empty();) {
        const std::string_view segment = next_segment(pattern);
        if (segment.starts_with(':') &&
            std::find(known_names.begin(), known_names.end(), segment) == known_names.end())
            return "has an unknown name in its pattern: " + std::string{segment};
    }
    return {};
}

} // namespace

bool Needs::admits(hub::Role caller) const
{
    switch (role_) {
    case own_credential: return true;
    case dashboard: return caller == hub::Role::dashboard || caller == hub::Role::admin;
    case admin: return caller == hub::Role::admin;
    }
    return false;
}

void Router::add(std::vector<Route> rows)
{
    for (Route& row : rows) {
        std::string fault = fault_of(row);
        const bool twice = std::any_of(rows_.begin(), rows_.end(), [&](const Route& other) {
            return other.method == row.method && other.pattern == row.pattern;
        });
        if (twice) fault = "is listed twice";
        if (!fault.empty())
            throw std::logic_error{"route " + std::string{row.method} + " " + std::string{row.pattern} + " " +
                                   fault};
        rows_.push_back(std::move(row));
    }
}

Match Router::match(std::string_view method, std::string_view path) const
{
    if (method == "HEAD") method = "GET"; // the listener omits the body
    Match found;
    std::string allow;
    for (const Route& row : rows_) {
        if (!fits(row.pattern, path, found)) continue;
        if (row.method == method) {
            found.route = &row;
            return found;
        }
        allow += (allow.empty() ? "" : ", ") + std::string{row.method};
        if (row.method == "GET") allow += ", HEAD";
    }
    return {.allow = std::move(allow)};
}

} // namespace agenthost::hub
